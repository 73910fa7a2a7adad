"""The storage port: orders, claims and steps."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.orders import NOON, advanced, make_execution, make_look, make_order, make_slice, record
from twap.ports.errors import StorageError
from twap.ports.order import MissReason, OrderStatus
from twap.ports.store import PageKey, Recorded, Step

MINUTE = timedelta(minutes=1)


async def claim_one(storage, order, owner="first", now=NOON):
    await storage.orders.add(order)
    [claimed] = await storage.orders.claim(owner, now=now, lease_seconds=30, limit=10)
    return claimed


async def claim(storage, owner, now=NOON, limit=10):
    return [c.order.id for c in await storage.orders.claim(owner, now=now, lease_seconds=30, limit=limit)]


async def test_order_when_added_then_read_back_equal(storage):
    order = make_order(client_order_id="mine", warnings=("3 slices are empty",), note="é\n'x'")
    assert await storage.orders.add(order) == order
    assert await storage.orders.get(order.id) == order
    assert await storage.orders.get("nobody") is None


async def test_order_when_its_id_is_stored_then_refused(storage):
    order = make_order()
    await storage.orders.add(order)
    with pytest.raises(StorageError):
        await storage.orders.add(order)


async def test_client_order_id_when_used_again_then_first_order_is_returned(storage):
    first, second = make_order(client_order_id="a"), make_order(client_order_id="a")
    other_user = make_order(client_order_id="a", user_id="user-2")
    assert await storage.orders.add(first) == first
    assert await storage.orders.add(second) == first
    assert await storage.orders.add(other_user) == other_user
    assert await storage.orders.get(second.id) is None


async def test_find_when_the_client_order_id_is_known_then_that_order_of_that_user(storage):
    order = await storage.orders.add(make_order(client_order_id="a"))
    assert await storage.orders.find(order.user_id, "a") == order
    assert await storage.orders.find("user-2", "a") is None
    assert await storage.orders.find(order.user_id, "b") is None


async def test_count_unfinished_when_some_are_over_then_the_others(storage):
    order = await storage.orders.add(make_order())
    await storage.orders.add(make_order(status=OrderStatus.COMPLETED))
    await storage.orders.add(make_order(user_id="user-2"))
    assert await storage.orders.count_unfinished(order.user_id) == 1


async def test_client_order_id_when_used_concurrently_then_all_get_the_same_order(storage):
    orders = [make_order(client_order_id="a") for _ in range(8)]
    answers = await asyncio.gather(*(storage.orders.add(order) for order in orders))
    assert len({answer.id for answer in answers}) == 1
    assert len(await storage.orders.page("user-1", limit=10)) == 1


async def test_page_when_times_are_equal_then_every_order_once_newest_first(storage):
    orders = [make_order(created_at=NOON + (n // 3) * MINUTE) for n in range(10)]
    for order in [*orders, make_order(user_id="user-2")]:
        await storage.orders.add(order)
    seen, before = [], None
    while page := await storage.orders.page("user-1", limit=4, before=before):
        seen += page
        before = PageKey(page[-1].created_at, page[-1].id)
    assert seen == sorted(orders, key=lambda o: (o.created_at, o.id), reverse=True)


async def test_page_when_filtered_then_only_those(storage):
    done = make_order(status=OrderStatus.COMPLETED, symbol="ETHUSDT")
    running = make_order(status=OrderStatus.EXECUTING, symbol="ETHUSDT")
    other = make_order(status=OrderStatus.COMPLETED)
    for order in (done, running, other):
        await storage.orders.add(order)
    page = storage.orders.page
    assert await page("user-1", limit=9, status=OrderStatus.COMPLETED) == [other, done]
    assert await page("user-1", limit=9, symbol="ETHUSDT") == [running, done]
    assert await page("user-1", limit=9, symbol="ETHUSDT", status=OrderStatus.COMPLETED) == [done]
    assert await storage.orders.unfinished("user-1") == [running]


async def test_change_when_revision_is_old_then_nothing_is_written(storage):
    order = make_order()
    await storage.orders.add(order)
    paused = advanced(order, status=OrderStatus.PAUSED, note="wait")
    assert await storage.orders.change(paused)
    assert not await storage.orders.change(advanced(order, status=OrderStatus.CANCELED))
    assert await storage.orders.get(order.id) == paused


async def test_claim_when_leases_run_then_earliest_start_first_and_nobody_else(storage):
    late, early = make_order(starts_at=NOON + MINUTE), make_order()
    for order in (late, early, make_order(status=OrderStatus.COMPLETED)):
        await storage.orders.add(order)
    assert await claim(storage, "first", limit=1) == [early.id]
    assert await claim(storage, "second") == [late.id]
    assert await claim(storage, "first") == await claim(storage, "second") == []


async def test_claim_when_two_come_at_once_then_each_order_goes_to_one(storage):
    orders = [make_order() for _ in range(20)]
    for order in orders:
        await storage.orders.add(order)
    halves = await asyncio.gather(*(claim(storage, owner, limit=100) for owner in "abcd"))
    assert sorted(id_ for half in halves for id_ in half) == sorted(order.id for order in orders)


async def test_claim_when_lease_ended_then_next_owner_gets_a_greater_fence(storage):
    order = make_order()
    first = await claim_one(storage, order)
    [second] = await storage.orders.claim("second", now=NOON + MINUTE, lease_seconds=30, limit=1)
    assert second.fence > first.fence
    await storage.orders.renew("first", now=NOON + MINUTE, lease_seconds=3600)
    assert await claim(storage, "third", now=NOON + 2 * MINUTE) == [order.id]


async def test_claim_when_renewed_or_released_then_held_or_free(storage):
    order = make_order()
    await claim_one(storage, order)
    await storage.orders.renew("first", now=NOON + MINUTE, lease_seconds=30)
    assert await claim(storage, "second", now=NOON + MINUTE) == []
    await storage.orders.release("first")
    assert await claim(storage, "second", now=NOON + MINUTE) == [order.id]


async def test_step_when_recorded_then_slices_and_executions_are_read_back(storage):
    claimed = await claim_one(storage, make_order())
    order = advanced(
        claimed.order,
        status=OrderStatus.EXECUTING,
        started_at=NOON,
        executed=Decimal("0.0500"),
        arrival_mid=Decimal("1E-8"),
        taken={("Binance", Decimal("100635.65")): Decimal("0.025")},
    )
    arrival = make_slice(order, 0, filled=Decimal(0), venues=())
    pieces = [
        make_slice(
            order, 1, executions=(make_execution(order, 1), make_execution(order, 1, 2, price=Decimal(2)))
        ),
        make_slice(
            order, 2, executions=(), reason=MissReason.STALE, mid=None, venues=(make_look(), make_look("OKX"))
        ),
        make_slice(order, 10),
    ]
    step = Step(order, claimed.fence, (arrival, *pieces))
    assert await record(storage.orders, [step]) == [Recorded.STORED]
    assert await storage.orders.get(order.id) == order
    assert await storage.orders.slices(order.id) == [arrival, *pieces]
    parts = [part async for part in storage.orders.slices_in_parts(order.id)]
    assert all(parts)
    assert [one for part in parts for one in part] == [arrival, *pieces]
    assert [part async for part in storage.orders.slices_in_parts("unknown")] == []
    fills = [fill for piece in pieces for fill in piece.executions]
    assert await storage.orders.executions(order.id) == fills
    assert await storage.orders.executions(order.id, after_slice=1) == fills[2:]


async def test_step_when_fence_or_revision_is_old_then_said_and_nothing_is_written(storage):
    claimed = await claim_one(storage, make_order())
    [newer] = await storage.orders.claim("second", now=NOON + MINUTE, lease_seconds=30, limit=1)
    order = advanced(claimed.order)
    old_fence = Step(order, claimed.fence, (make_slice(order),))
    old_revision = Step(claimed.order, newer.fence, (make_slice(order),))
    unknown = Step(advanced(make_order()), 1)
    outcomes = await record(storage.orders, [old_fence, old_revision, unknown])
    assert outcomes == [Recorded.TAKEN, Recorded.LOST, Recorded.TAKEN]
    assert await storage.orders.get(order.id) == claimed.order
    assert await storage.orders.slices(order.id) == []


async def test_step_when_its_slice_is_stored_then_lost_and_the_others_are_stored(storage):
    claimed = await claim_one(storage, make_order())
    other = await claim_one(storage, make_order())
    first = advanced(claimed.order)
    await record(storage.orders, [Step(first, claimed.fence, (make_slice(first, 1),))])
    again, fine = advanced(first), advanced(other.order)
    steps = [
        Step(again, claimed.fence, (make_slice(again, 1), make_slice(again, 2))),
        Step(fine, other.fence, (make_slice(fine, 1),)),
    ]
    assert await record(storage.orders, steps) == [Recorded.LOST, Recorded.STORED]
    assert await storage.orders.get(first.id) == first
    assert [piece.number for piece in await storage.orders.slices(first.id)] == [1]
    assert await storage.orders.get(fine.id) == fine


async def test_step_when_the_database_refuses_it_then_failed_and_the_others_are_stored(storage):
    good, bad = [await claim_one(storage, make_order()) for _ in range(2)]
    fine, broken = advanced(good.order), advanced(bad.order)
    twice = (make_slice(broken), make_slice(broken))
    steps = [Step(broken, bad.fence, twice), Step(fine, good.fence, (make_slice(fine),))]
    assert await record(storage.orders, steps) == [Recorded.FAILED, Recorded.STORED]
    assert await storage.orders.get(broken.id) == bad.order
    assert await storage.orders.slices(broken.id) == await storage.orders.executions(broken.id) == []


async def test_steps_when_two_are_of_one_order_then_they_follow_each_other(storage):
    claimed = await claim_one(storage, make_order())
    first = advanced(claimed.order)
    second = advanced(first)
    steps = [
        Step(first, claimed.fence, (make_slice(first, 1),)),
        Step(second, claimed.fence),
        Step(second, claimed.fence),
    ]
    assert await record(storage.orders, steps) == [Recorded.STORED, Recorded.STORED, Recorded.LOST]
    assert await storage.orders.get(first.id) == second


async def test_record_when_there_is_nothing_then_nothing(storage):
    assert await record(storage.orders, []) == []


async def test_change_when_claimed_then_the_executor_keeps_its_claim(storage):
    claimed = await claim_one(storage, make_order())
    paused = advanced(claimed.order, status=OrderStatus.PAUSED)
    assert await storage.orders.change(paused)
    assert await claim(storage, "second") == []
    assert await record(storage.orders, [Step(advanced(paused), claimed.fence)]) == [Recorded.STORED]
