import itertools
from dataclasses import replace

import pytest

from tests.fakes.bus import ListBus
from tests.fakes.clock import ManualClock
from tests.fakes.memory_store import MemoryStorage
from tests.fakes.orders import NOON, make_order
from twap.domain import lifecycle
from twap.ports.errors import TransitionNotAllowed, Unavailable, UnknownOrder
from twap.ports.order import OrderStatus, Outcome, Progress

PENDING, EXECUTING, PAUSED = OrderStatus.PENDING, OrderStatus.EXECUTING, OrderStatus.PAUSED
OVER = (OrderStatus.COMPLETED, OrderStatus.CANCELED, OrderStatus.FAILED)


class Desk:
    def __init__(self):
        self.orders, self.clock, self.bus = MemoryStorage().orders, ManualClock(NOON), ListBus()

    async def add(self, status=EXECUTING, started_at=NOON, **changes):
        progress = Progress(status=status, started_at=started_at, ended_at=NOON if status.over else None)
        order = make_order(user_id="ada", progress=progress, **changes)
        return await self.orders.add(order)

    async def do(self, use_case, order, user_id="ada"):
        return await use_case(order.id, user_id=user_id, orders=self.orders, clock=self.clock, bus=self.bus)


@pytest.fixture
def desk():
    return Desk()


def test_transitions_when_an_order_is_over_then_none_is_allowed():
    for status in OVER:
        assert lifecycle.ALLOWED[status] == frozenset()
        assert status.over


@pytest.mark.parametrize(("before", "after"), list(itertools.product(OrderStatus, OrderStatus)))
def test_moved_when_the_table_allows_it_then_one_revision_on_and_else_refused(before, after):
    order = make_order(progress=Progress(status=before, revision=4))
    if after in lifecycle.ALLOWED[before]:
        moved = lifecycle.moved(order, after, NOON)
        assert (moved.status, moved.progress.revision) == (after, 5)
        assert (moved.progress.ended_at is not None) == after.over
    else:
        with pytest.raises(TransitionNotAllowed, match=f"is {before.value}"):
            lifecycle.moved(order, after, NOON)


@pytest.mark.parametrize("status", [PENDING, EXECUTING, PAUSED])
async def test_cancel_when_running_then_canceled_stored_and_published(desk, status):
    order = await desk.add(status)
    canceled = await desk.do(lifecycle.cancel, order)
    assert (canceled.status, canceled.outcome) == (OrderStatus.CANCELED, Outcome.UNFILLED)
    assert await desk.orders.get(order.id) == canceled
    assert [event.order for event in desk.bus.events] == [canceled]


@pytest.mark.parametrize("status", OVER)
@pytest.mark.parametrize("use_case", [lifecycle.cancel, lifecycle.pause, lifecycle.resume])
async def test_change_when_the_order_is_over_then_refused(desk, use_case, status):
    order = await desk.add(status)
    with pytest.raises(TransitionNotAllowed):
        await desk.do(use_case, order)
    assert await desk.orders.get(order.id) == order


@pytest.mark.parametrize(("started_at", "status"), [(NOON, EXECUTING), (None, PENDING)])
async def test_resume_when_paused_then_back_to_where_the_schedule_is(desk, started_at, status):
    order = await desk.add(EXECUTING if started_at else PENDING, started_at)
    await desk.do(lifecycle.pause, order)
    assert (await desk.do(lifecycle.resume, order)).status is status


async def test_resume_when_not_paused_then_refused(desk):
    order = await desk.add()
    with pytest.raises(TransitionNotAllowed, match="can't become resumed"):
        await desk.do(lifecycle.resume, order)


async def test_change_when_the_order_is_another_users_then_unknown(desk):
    order = await desk.add()
    with pytest.raises(UnknownOrder):
        await desk.do(lifecycle.cancel, order, user_id="bob")


async def test_change_when_a_slice_was_stored_meanwhile_then_tried_on_what_was_stored(desk):
    order = await desk.add()
    change = desk.orders.change

    async def change_after_a_slice(changed):
        desk.orders.change = change
        stored = await desk.orders.get(order.id)
        await change(stored.advanced(replace(stored.progress, slices_done=3, revision=1)))
        return await change(changed)

    desk.orders.change = change_after_a_slice
    canceled = await desk.do(lifecycle.cancel, order)
    assert (canceled.progress.slices_done, canceled.progress.revision) == (3, 2)


async def test_change_when_the_order_never_stands_still_then_says_try_again(desk):
    order = await desk.add()

    async def never(changed):
        return False

    desk.orders.change = never
    with pytest.raises(Unavailable, match="try again"):
        await desk.do(lifecycle.pause, order)


async def test_cancel_all_when_some_are_over_then_the_others_are_canceled(desk):
    running, done = await desk.add(), await desk.add(OrderStatus.COMPLETED)
    await lifecycle.cancel_all("ada", orders=desk.orders, clock=desk.clock, bus=desk.bus)
    assert (await desk.orders.get(running.id)).status is OrderStatus.CANCELED
    assert (await desk.orders.get(done.id)).status is OrderStatus.COMPLETED
