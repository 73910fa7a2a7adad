from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.fakes.clock import ManualClock
from tests.fakes.floor import Floor
from tests.fakes.memory_store import MemoryStorage
from tests.fakes.orders import NOON
from twap.domain import lifecycle
from twap.entrypoints.execution.claims import LEASE_SECONDS
from twap.ports.order import MissReason, OrderStatus, Outcome


async def test_executor_when_an_order_comes_then_every_slice_is_stored_in_time_and_it_ends():
    async with Floor() as floor:
        order = await floor.add()
        await floor.clock.advance(1.5)
        running = await floor.get(order)
        assert (running.status, running.progress.slices_done) == (OrderStatus.EXECUTING, 1)
        assert floor.feed.acquired == {("Binance", "BTCUSDT"): 1}
        await floor.clock.advance(2)
        done = await floor.get(order)
        assert (done.status, done.outcome, done.progress.executed) == (
            OrderStatus.COMPLETED,
            Outcome.FILLED,
            D(3),
        )
        assert [one.looked_at - one.due_at for one in await floor.slices(order)] == [timedelta(0)] * 3
        assert floor.feed.acquired == {("Binance", "BTCUSDT"): 0}
        assert floor.executor.status()["orders"] == 0


async def test_executor_when_something_is_stored_then_it_is_published_with_the_new_fills():
    async with Floor() as floor:
        events = floor.bus.subscribe("ada")
        await floor.add(slices=1, quantity="1", user_id="ada")
        await floor.clock.advance(1.5)
        first, second = await anext(events), await anext(events)
        assert (first.order.status, first.executions) == (OrderStatus.EXECUTING, ())
        assert second.order.status is OrderStatus.COMPLETED
        assert [str(fill.quantity) for fill in second.executions] == ["1.0"]


async def test_executor_when_an_order_is_canceled_between_slices_then_nothing_more_is_filled():
    async with Floor() as floor:
        order = await floor.add()
        await floor.clock.advance(1.5)
        await lifecycle.cancel(
            order.id, user_id=order.user_id, orders=floor.orders, clock=floor.clock, bus=floor.bus
        )
        await floor.clock.advance(5)
        canceled = await floor.get(order)
        assert (canceled.status, canceled.progress.slices_done) == (OrderStatus.CANCELED, 1)
        assert canceled.outcome is Outcome.PARTIALLY_FILLED
        assert floor.feed.acquired == {("Binance", "BTCUSDT"): 0}


async def test_executor_when_canceled_between_look_and_commit_then_the_slice_is_not_stored():
    async with Floor() as floor:
        order = await floor.add()
        await floor.clock.advance(0.5)
        record = floor.orders.record

        async def record_after_cancel(steps):
            floor.orders.record = record
            await lifecycle.cancel(
                order.id, user_id=order.user_id, orders=floor.orders, clock=floor.clock, bus=floor.bus
            )
            return await record(steps)

        floor.orders.record = record_after_cancel
        await floor.clock.advance(3)
        assert (await floor.get(order)).progress.executed == D(0)
        assert await floor.slices(order) == []


async def test_executor_when_paused_and_resumed_then_the_paused_slice_is_carried():
    async with Floor() as floor:
        order = await floor.add(slices=4, quantity="4")
        ports = {"user_id": order.user_id, "orders": floor.orders, "clock": floor.clock, "bus": floor.bus}
        await floor.clock.advance(1.5)
        await lifecycle.pause(order.id, **ports)
        await floor.clock.advance(1)
        await lifecycle.resume(order.id, **ports)
        await floor.clock.advance(3)
        assert [one.reason for one in await floor.slices(order)] == [None, MissReason.PAUSED, None, None]
        assert (await floor.get(order)).outcome is Outcome.FILLED


async def test_executor_when_stopped_then_claims_are_free_at_once_for_the_next():
    storage, clock = MemoryStorage(), ManualClock(NOON)
    async with Floor("one", storage, clock) as first:
        order = await first.add(slices=5, quantity="5")
        await clock.advance(1.5)
    async with Floor("two", storage, clock) as second:
        await clock.advance(5)
        slices = await second.slices(order)
        assert [one.number for one in slices] == [1, 2, 3, 4, 5]
        assert (await second.get(order)).outcome is Outcome.FILLED


async def test_executor_when_another_died_then_its_orders_are_taken_over_after_the_lease():
    storage, clock = MemoryStorage(), ManualClock(NOON)
    dead = Floor("dead", storage, clock)
    order = await dead.add(slices=30, quantity="30")
    await storage.orders.claim("dead", now=clock.now(), lease_seconds=LEASE_SECONDS, limit=10)
    async with Floor("heir", storage, clock) as heir:
        await clock.advance(LEASE_SECONDS - 1)
        assert (await heir.get(order)).status is OrderStatus.PENDING
        await clock.advance(17.5)
        done = await heir.get(order)
        assert done.status is OrderStatus.COMPLETED
        reasons = [one.reason for one in await heir.slices(order)]
        assert reasons[:10] == [MissReason.LATE] * 10
        assert done.progress.executed > D(20)


@pytest.mark.parametrize("went_on", [False, True])
async def test_executor_when_its_claim_was_taken_over_then_it_lets_the_order_go(went_on):
    storage, clock = MemoryStorage(), ManualClock(NOON)
    async with Floor("slow", storage, clock) as slow:
        order = await slow.add(slices=5, quantity="5")
        await clock.advance(1.5)
        later = clock.now() + timedelta(seconds=60)
        (taken,) = await storage.orders.claim("fast", now=later, lease_seconds=60, limit=10)
        if went_on:
            progress = taken.order.progress
            newer = replace(progress, revision=progress.revision + 1)
            assert await storage.orders.change(taken.order.advanced(newer))
        await clock.advance(2)
        assert slow.executor.status()["orders"] == 0
        assert (await slow.get(order)).progress.slices_done == 1
        assert taken.order.id == order.id


@pytest.mark.parametrize(("shares", "filled"), [(False, "1.4"), (True, "0.7")])
async def test_executor_when_one_user_splits_an_order_then_the_memory_may_be_shared(shares, filled):
    async with Floor(shares=shares) as floor:
        floor.books.show("Binance", bids={"99": 5}, asks={"101": "0.7"})
        orders = [await floor.add(slices=1, quantity="1", user_id="ada") for _ in range(2)]
        await floor.clock.advance(1.5)
        executed = [(await floor.get(order)).progress.executed for order in orders]
        assert sum(executed) == D(filled)


async def test_executor_when_the_exchange_comes_back_then_its_feed_is_acquired():
    async with Floor() as floor:
        floor.feed.down["Binance"] = "refused"
        await floor.add(slices=60, quantity="60")
        await floor.clock.advance(3)
        assert floor.feed.acquired == {}
        assert floor.order_feeds._market.source("Binance", "BTCUSDT").state.value == "down"
        del floor.feed.down["Binance"]
        await floor.clock.advance(10)
        assert floor.feed.acquired == {("Binance", "BTCUSDT"): 1}


async def test_executor_when_time_passes_in_a_leap_then_slices_are_late_and_there_is_no_burst():
    async with Floor() as floor:
        order = await floor.add(slices=20, quantity="20")
        await floor.clock.advance(1.5)
        floor.clock.jump(10)
        await floor.clock.advance(0.1)
        slices = await floor.slices(order)
        assert [one.reason for one in slices][1:10] == [MissReason.LATE] * 9
        assert slices[-1].filled <= D(3)
