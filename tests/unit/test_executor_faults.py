"""The database, an order or another process makes trouble: the other orders go on."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D

from tests.fakes.clock import settle
from tests.fakes.floor import Floor
from tests.fakes.orders import NOON
from twap.ports.errors import StorageError
from twap.ports.order import OrderStatus, Outcome
from twap.ports.store import Recorded


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
