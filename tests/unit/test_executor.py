import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.fakes.books import FakeBooks
from tests.fakes.clock import ManualClock, settle
from tests.fakes.feed import FakeFeed, instrument
from tests.fakes.memory_store import MemoryStorage
from tests.fakes.orders import NOON, make_order, make_terms, make_ticket
from twap.domain import lifecycle
from twap.domain.market import Market
from twap.entrypoints.claims import LEASE_SECONDS
from twap.entrypoints.execution_stats import ExecutionStats
from twap.entrypoints.executor import Executor
from twap.entrypoints.order_feeds import OrderFeeds
from twap.entrypoints.shared_memory import SharedMemory
from twap.plugins.bus.in_process import InProcessBus
from twap.ports.errors import StorageError
from twap.ports.order import MissReason, OrderStatus, Outcome, Progress
from twap.ports.store import Recorded


class Floor:
    """An executor with fakes around it."""

    def __init__(self, owner="one", storage=None, clock=None, *, shares=False):
        self.clock = clock or ManualClock(NOON)
        self.orders = (storage or MemoryStorage()).orders
        self.books = FakeBooks()
        self.books.show("Binance", bids={"99": "5"}, asks={"101": "50"})
        self.bus = InProcessBus()
        self.feed = FakeFeed({"Binance": [instrument()]})
        self.order_feeds = OrderFeeds(self.feed, Market(self.clock), self.clock)
        self.executor = Executor(
            owner=owner,
            market=self.books,
            feeds=self.order_feeds,
            orders=self.orders,
            bus=self.bus,
            clock=self.clock,
            stats=ExecutionStats(),
            shared=SharedMemory(shares=shares),
        )
        self._tasks = []

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(self.executor.run()), asyncio.create_task(self.order_feeds.run())]
        await settle()
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add(self, slices=3, quantity="3", interval=1, **changes):
        order = make_order(
            ticket=make_ticket(
                quantity=D(quantity),
                limit_price=D(110),
                duration=timedelta(seconds=slices * interval),
                interval=timedelta(seconds=interval),
                exchanges=("Binance",),
            ),
            terms=(make_terms("Binance", min_quantity=D(0), min_notional=D(0)),),
            lot_size=D("0.1"),
            created_at=self.clock.now(),
            starts_at=self.clock.now(),
            slices_total=slices,
            progress=Progress(),
            **changes,
        )
        stored = await self.orders.add(order)
        self.executor.wake()
        return stored

    async def get(self, order):
        return await self.orders.get(order.id)

    async def slices(self, order):
        return [one for one in await self.orders.slices(order.id) if one.number]


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


async def test_executor_when_the_database_fails_for_a_while_then_orders_wait_and_nothing_doubles():
    async with Floor() as floor:
        order = await floor.add(slices=6, quantity="6")
        await floor.clock.advance(1.5)
        record = floor.orders.record

        async def fails(steps):
            raise StorageError("the disk is full")

        floor.orders.record = fails
        await floor.clock.advance(2)
        assert floor.executor.status()["storage_error"] == "the disk is full"
        floor.orders.record = record
        await floor.clock.advance(5)
        assert floor.executor.status()["storage_error"] is None
        done = await floor.get(order)
        slices = await floor.slices(order)
        assert [one.number for one in slices] == [1, 2, 3, 4, 5, 6]
        assert done.progress.executed == sum(one.filled for one in slices) == D(6)


async def test_executor_when_the_database_fails_after_it_stored_then_the_fills_are_published_all_the_same():
    async with Floor() as floor:
        events = floor.bus.subscribe("ada")
        order = await floor.add(slices=2, quantity="2", user_id="ada")
        await floor.clock.advance(0.5)
        record = floor.orders.record

        async def stores_and_fails(steps):
            await record(steps)
            raise StorageError("the connection broke")

        floor.orders.record = stores_and_fails
        await floor.clock.advance(1)
        floor.orders.record = record
        await floor.clock.advance(0.8)
        floor.orders.record = stores_and_fails
        await floor.clock.advance(1)
        floor.orders.record = record
        await floor.clock.advance(2)
        told = []
        while not told or not told[-1].order.status.over:
            told.append(await asyncio.wait_for(anext(events), 1))
        assert told[-1].order == await floor.get(order)
        fills = [fill for each in told for fill in each.executions]
        assert fills == await floor.orders.executions(order.id)
        assert sum(fill.quantity for fill in fills) == D(2)


async def test_executor_when_the_storage_has_a_fault_then_it_is_tried_again():
    async with Floor() as floor:
        order = await floor.add()
        record = floor.orders.record

        async def stumbles(steps):
            floor.orders.record = record
            raise ValueError("a fault in the storage")

        floor.orders.record = stumbles
        await floor.clock.advance(5)
        assert (await floor.get(order)).outcome is Outcome.FILLED


async def test_executor_when_there_is_work_without_end_then_claims_are_renewed_all_the_same():
    async with Floor() as floor:
        order = await floor.add(slices=40, quantity="40")
        renewals, renew, record = [], floor.orders.renew, floor.orders.record

        async def noted(owner, **when):
            renewals.append(floor.clock.now())
            await renew(owner, **when)

        async def slow(steps):
            floor.clock.jump(1)  # when it is stored, the next slice is due
            return await record(steps)

        floor.orders.renew, floor.orders.record = noted, slow
        await floor.clock.advance(1)
        await settle(2000)
        assert (await floor.get(order)).status is OrderStatus.COMPLETED
        assert len(renewals) >= 7


async def test_executor_when_claims_are_to_be_renewed_at_a_due_time_then_the_slices_come_first():
    async with Floor() as floor:
        order = await floor.add(slices=12, quantity="12")
        done_at_renewal, renew = {}, floor.orders.renew

        async def noted(owner, *, now, lease_seconds):
            done_at_renewal[(now - NOON).total_seconds()] = (await floor.get(order)).progress.slices_done
            await renew(owner, now=now, lease_seconds=lease_seconds)

        floor.orders.renew = noted
        for _ in range(12):
            await floor.clock.advance(1)
        assert done_at_renewal == {5: 5, 10: 10}


async def test_executor_when_one_step_is_refused_then_only_that_order_is_tried_again():
    async with Floor() as floor:
        good, bad = await floor.add(), await floor.add()
        record = floor.orders.record

        async def refuses_one(steps):
            outcomes = await record([step for step in steps if step.order.id != bad.id])
            rest = iter(outcomes)
            return [Recorded.FAILED if step.order.id == bad.id else next(rest) for step in steps]

        floor.orders.record = refuses_one
        await floor.clock.advance(1.5)
        assert (await floor.get(good)).progress.slices_done == 1
        assert (await floor.get(bad)).progress.slices_done == 0
        floor.orders.record = record
        await floor.clock.advance(3)
        assert (await floor.get(good)).outcome is Outcome.FILLED
        assert (await floor.get(bad)).status is OrderStatus.COMPLETED


async def test_executor_when_the_domain_stumbles_over_one_order_then_it_fails_alone():
    async with Floor() as floor:
        bad = await floor.add()
        broken = replace(bad, terms=())
        floor.orders.orders[bad.id] = broken
        good = await floor.add()
        await floor.clock.advance(4)
        assert (await floor.get(good)).outcome is Outcome.FILLED
        failed = await floor.get(bad)
        assert (failed.status, failed.progress.note) == (OrderStatus.FAILED, "an internal error; see the log")


async def test_executor_when_an_order_was_damaged_then_the_others_go_on():
    async with Floor() as floor:
        bad = await floor.add()
        floor.orders.orders[bad.id] = replace(bad, lot_size=D(0))
        good = await floor.add()
        await floor.clock.advance(4)
        assert (await floor.get(good)).outcome is Outcome.FILLED
        assert floor.executor.status()["orders"] == 0


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
