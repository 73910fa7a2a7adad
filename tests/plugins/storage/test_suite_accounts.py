"""The storage port: users and token families."""

import asyncio
from datetime import timedelta

import pytest

from tests.fakes.orders import NOON, make_family, make_order, make_user
from twap.ports.account import Role
from twap.ports.errors import UsernameTaken

LATER = NOON + timedelta(days=60)


async def test_user_when_added_then_found_by_key_and_id(storage):
    ada, bob = make_user(), make_user(name="Bob", key="bob", role=Role.ADMIN)
    await storage.users.add(bob)
    await storage.users.add(ada)
    assert await storage.users.by_key("ada") == await storage.users.get(ada.id) == ada
    assert await storage.users.by_key("Ada") is await storage.users.get("nobody") is None
    assert await storage.users.all() == [ada, bob]


async def test_users_when_two_take_one_name_at_once_then_one_is_refused(storage):
    answers = await asyncio.gather(
        *(storage.users.add(make_user()) for _ in range(4)), return_exceptions=True
    )
    assert [type(answer) for answer in answers].count(UsernameTaken) == 3
    assert len(await storage.users.all()) == 1


async def test_user_when_name_is_taken_then_refused(storage):
    await storage.users.add(make_user())
    with pytest.raises(UsernameTaken):
        await storage.users.add(make_user())


async def test_password_when_set_then_stored(storage):
    ada = make_user()
    await storage.users.add(ada)
    await storage.users.set_password(ada.id, "new")
    assert (await storage.users.get(ada.id)).password_hash == "new"


async def test_user_when_deleted_then_families_go_and_orders_stay(storage):
    ada = make_user()
    family, other = make_family(user_id=ada.id), make_family(user_id="somebody")
    order = make_order(user_id=ada.id)
    await storage.users.add(ada)
    await storage.tokens.add(family)
    await storage.tokens.add(other)
    await storage.orders.add(order)
    await storage.users.delete(ada.id)
    assert await storage.users.get(ada.id) is await storage.tokens.get(family.id) is None
    assert await storage.tokens.get(other.id) == other
    assert await storage.orders.get(order.id) == order


async def test_family_when_rotated_then_the_spent_token_revokes_it(storage):
    family = make_family()
    await storage.tokens.add(family)
    assert await storage.tokens.get(family.id) == family
    assert await storage.tokens.rotate(family.id, "refresh-1", "refresh-2", LATER)
    rotated = await storage.tokens.get(family.id)
    assert (rotated.refresh_id, rotated.expires_at, rotated.revoked) == ("refresh-2", LATER, False)
    assert not await storage.tokens.rotate(family.id, "refresh-1", "refresh-3", LATER)
    assert (await storage.tokens.get(family.id)).revoked
    assert not await storage.tokens.rotate(family.id, "refresh-2", "refresh-3", LATER)
    assert not await storage.tokens.rotate("nobody", "refresh-1", "refresh-2", LATER)


async def test_family_when_rotated_twice_at_once_then_one_wins(storage):
    family = make_family()
    await storage.tokens.add(family)
    answers = await asyncio.gather(
        *(storage.tokens.rotate(family.id, "refresh-1", fresh, LATER) for fresh in ("a", "b"))
    )
    assert sorted(answers) == [False, True]
    assert (await storage.tokens.get(family.id)).revoked


async def test_families_when_revoked_then_only_those(storage):
    one, two, other = make_family(), make_family(), make_family(user_id="user-2")
    for family in (one, two, other):
        await storage.tokens.add(family)
    await storage.tokens.revoke(one.id)
    assert [(await storage.tokens.get(f.id)).revoked for f in (one, two, other)] == [True, False, False]
    await storage.tokens.revoke_user("user-1")
    assert [(await storage.tokens.get(f.id)).revoked for f in (one, two, other)] == [True, True, False]


async def test_families_when_expired_then_forgotten(storage):
    old, fresh = make_family(expires_at=NOON), make_family(expires_at=LATER)
    await storage.tokens.add(old)
    await storage.tokens.add(fresh)
    await storage.tokens.forget_expired(NOON)
    assert await storage.tokens.get(old.id) is None
    assert await storage.tokens.get(fresh.id) == fresh
