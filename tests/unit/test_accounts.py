import asyncio
from types import SimpleNamespace

import pytest

from tests.fakes.auth import PlainHasher, PlainTokens
from tests.fakes.bus import ListBus
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.ids import CountingIds
from tests.fakes.memory_store import MemoryStorage
from twap.domain import accounts
from twap.domain.throttle import RateLimit, Throttle
from twap.ports.account import Role
from twap.ports.bus import LoginsEnded
from twap.ports.errors import (
    Forbidden,
    InvalidField,
    Throttled,
    Unauthorized,
    UsernameTaken,
    WrongCredentials,
)

PASSWORD = "correct horse"


class World(SimpleNamespace):
    """Every port as a fake, and the use cases with them filled in."""

    def __init__(self):
        storage = MemoryStorage()
        super().__init__(
            users=storage.users,
            token_store=storage.tokens,
            hasher=PlainHasher(),
            tokens=PlainTokens(),
            clock=ManualClock(),
            bus=ListBus(),
            ids=CountingIds(),
            throttle=Throttle(account_attempts=10),
        )

    def _some(self, *names):
        return {name: getattr(self, name) for name in names}

    async def register(self, name="ann", password=PASSWORD, **more):
        ports = self._some("users", "hasher", "clock", "ids")
        return await accounts.register(name, password, **ports, **more)

    async def log_in(self, name="ann", password=PASSWORD, address="10.0.0.1"):
        ports = self._some("users", "token_store", "hasher", "tokens", "clock", "ids", "throttle")
        return await accounts.log_in(name, password, address=address, **ports)

    async def refresh(self, token):
        ports = self._some("users", "token_store", "tokens", "clock", "bus", "ids")
        return await accounts.refresh(token, **ports)

    async def authenticate(self, token):
        ports = self._some("users", "token_store", "tokens", "clock")
        return await accounts.authenticate(token, **ports)

    async def set_password(self, user, new):
        await accounts.set_password(user, new, **self._some("users", "token_store", "hasher", "bus"))


@pytest.fixture
def world():
    return World()


async def test_register_when_the_name_is_free_then_stored_with_a_hash_and_without_the_password(world):
    user = await world.register(" Ann ")
    assert (user.name, user.key, user.role, user.created_at) == ("Ann", "ann", Role.USER, NOON)
    assert user.password_hash == await world.hasher.hash(PASSWORD)
    assert await world.users.by_key("ann") == user


@pytest.mark.parametrize("name", ["ann", "ANN", "ａｎｎ"])
async def test_register_when_the_name_is_taken_in_any_case_or_form_then_refused(world, name):
    await world.register("Ann")
    with pytest.raises(UsernameTaken):
        await world.register(name)


async def test_register_when_two_come_at_once_then_one_wins(world):
    results = await asyncio.gather(*(world.register() for _ in range(2)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["User", "UsernameTaken"]


@pytest.mark.parametrize("password", ["", "short", "x" * 129, "with\x00null", "with\nline", "half\ud800pair"])
async def test_register_when_the_password_breaks_a_rule_then_refused_without_repeating_it(world, password):
    with pytest.raises(InvalidField) as refused:
        await world.register(password=password)
    assert refused.value.field == "password"
    assert not password or password not in str(refused.value)


async def test_register_when_an_address_asks_for_too_many_then_throttled(world):
    registrations = RateLimit(allowed=2, window_seconds=60)
    for name in ("ann", "bob"):
        await world.register(name, registrations=registrations, address="10.0.0.1")
    with pytest.raises(Throttled):
        await world.register("eve", registrations=registrations, address="10.0.0.1")
    await world.register("eve", registrations=registrations, address="10.0.0.2")


async def test_log_in_when_the_password_is_right_then_the_access_token_names_the_user(world):
    user = await world.register()
    pair = await world.log_in(" ANN ")
    found, claims = await world.authenticate(pair.access_token)
    assert (found, claims.user_id, pair.expires_in) == (user, user.id, 900)


@pytest.mark.parametrize("name", ["bob", "ann\ud800", "x" * 10_000, ""])
async def test_log_in_when_the_name_is_wrong_then_the_same_answer_after_the_same_work(world, name):
    await world.register()
    with pytest.raises(WrongCredentials) as wrong_password:
        await world.log_in(password="wrong horse")
    with pytest.raises(WrongCredentials) as wrong_name:
        await world.log_in(name)
    assert str(wrong_name.value) == str(wrong_password.value)
    assert world.hasher.verified == [f"plain:{PASSWORD}", None]


async def test_log_in_when_it_failed_ten_times_then_throttled_for_the_right_password_too(world):
    await world.register()
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            await world.log_in(password="wrong horse")
    with pytest.raises(Throttled) as refused:
        await world.log_in()
    assert len(world.hasher.verified) == 10
    world.clock.jump(refused.value.retry_after_seconds)
    await world.log_in()


async def test_log_in_when_right_each_time_then_never_throttled(world):
    await world.register()
    for _ in range(200):
        await world.log_in()


async def test_log_in_when_the_hasher_has_no_room_then_the_attempt_does_not_count(world):
    await world.register()
    world.hasher.failure = Throttled("busy", 1)
    for _ in range(20):
        with pytest.raises(Throttled, match="busy"):
            await world.log_in()
    world.hasher.failure = None
    await world.log_in()


async def test_log_in_when_the_account_goes_while_the_password_is_checked_then_wrong(world):
    user = await world.register()

    class SlowHasher(PlainHasher):
        async def verify(self, password, hashed):
            await world.users.delete(user.id)
            return await super().verify(password, hashed)

    world.hasher = SlowHasher()
    with pytest.raises(WrongCredentials):
        await world.log_in()


async def test_refresh_when_the_token_is_fresh_then_a_new_pair_of_the_same_login(world):
    await world.register()
    first = await world.log_in()
    second = await world.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert (await world.authenticate(second.access_token))[1].family == (
        await world.authenticate(first.access_token)
    )[1].family


async def test_refresh_when_a_spent_token_comes_again_then_the_whole_login_is_dead(world):
    user = await world.register()
    first, other = await world.log_in(), await world.log_in()
    second = await world.refresh(first.refresh_token)
    assert world.bus.events == []
    with pytest.raises(Unauthorized, match="used before"):
        await world.refresh(first.refresh_token)
    assert world.bus.events == [LoginsEnded(user.id)], "what the tokens opened must hear of it"
    for dead in (first, second):
        with pytest.raises(Unauthorized, match="revoked"):
            await world.authenticate(dead.access_token)
    with pytest.raises(Unauthorized):
        await world.refresh(second.refresh_token)
    await world.authenticate(other.access_token)


async def test_refresh_when_given_an_access_token_or_an_old_one_then_unauthorized(world):
    await world.register()
    pair = await world.log_in()
    with pytest.raises(Unauthorized):
        await world.refresh(pair.access_token)
    with pytest.raises(Unauthorized):
        await world.authenticate(pair.refresh_token)
    world.clock.jump(3600)
    with pytest.raises(Unauthorized, match="expired"):
        await world.refresh(pair.refresh_token)


async def test_log_out_when_done_then_the_tokens_of_that_login_are_dead(world):
    user = await world.register()
    pair, other = await world.log_in(), await world.log_in()
    _, claims = await world.authenticate(pair.access_token)
    await accounts.log_out(claims, token_store=world.token_store, bus=world.bus)
    assert world.bus.events == [LoginsEnded(user.id)], "what the tokens opened must hear of it"
    with pytest.raises(Unauthorized, match="revoked"):
        await world.authenticate(pair.access_token)
    with pytest.raises(Unauthorized):
        await world.refresh(pair.refresh_token)
    await world.authenticate(other.access_token)


async def test_unregister_when_done_then_orders_were_cancelled_first_and_tokens_are_dead(world):
    user = await world.register()
    pair = await world.log_in()
    existed = []

    async def cancel_orders(user_id):
        existed.append(await world.users.get(user_id) is not None)

    await accounts.unregister(user, users=world.users, bus=world.bus, cancel_orders=cancel_orders)
    assert existed[0]
    assert not existed[-1], "orders submitted in between must be cancelled too"
    assert world.bus.events == [LoginsEnded(user.id)], "what the tokens opened must hear of it"
    with pytest.raises(Unauthorized):
        await world.authenticate(pair.access_token)
    with pytest.raises(Unauthorized):
        await world.refresh(pair.refresh_token)
    with pytest.raises(WrongCredentials):
        await world.log_in()


async def test_unregister_when_an_admin_then_forbidden_and_nothing_changed(world):
    admin = await world.register(role=Role.ADMIN)

    async def cancel_orders(user_id):
        raise AssertionError("no order may be cancelled")

    with pytest.raises(Forbidden):
        await accounts.unregister(admin, users=world.users, bus=world.bus, cancel_orders=cancel_orders)
    assert await world.users.get(admin.id) == admin


async def test_list_users_when_asked_by_an_admin_then_all_by_name_else_forbidden(world):
    bob = await world.register("bob")
    admin = await world.register("ann", role=Role.ADMIN)
    assert list(await accounts.list_users(admin, users=world.users)) == [admin, bob]
    with pytest.raises(Forbidden):
        await accounts.list_users(bob, users=world.users)


async def test_set_password_when_done_then_only_the_new_one_works_and_old_logins_are_dead(world):
    user = await world.register()
    pair = await world.log_in()
    with pytest.raises(InvalidField):
        await world.set_password(user, "short")
    await world.authenticate(pair.access_token)
    await world.set_password(user, "battery staple")
    assert world.bus.events == [LoginsEnded(user.id)], "what the tokens opened must hear of it"
    with pytest.raises(Unauthorized):
        await world.authenticate(pair.access_token)
    with pytest.raises(WrongCredentials):
        await world.log_in()
    await world.log_in(password="battery staple")
