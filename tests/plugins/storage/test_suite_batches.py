"""The storage port: batches larger than what goes to one statement."""

import pytest

from tests.fakes.orders import NOON, advanced, make_execution, make_order, make_slice, record
from twap.ports.store import Recorded, Step

MANY = 230


async def claimed_orders(storage):
    for number in range(MANY):
        await storage.orders.add(make_order(user_id=f"user-{number}"))
    return await storage.orders.claim("one", now=NOON, lease_seconds=30, limit=MANY)


def step(order, fence, number):
    after = advanced(order, slices_done=number, note="it's so")
    piece = make_slice(order, number, executions=(make_execution(order, number),))
    return Step(after, fence, (piece,))


async def test_record_when_there_are_many_steps_then_each_is_stored_as_it_was(storage):
    steps = [step(one.order, one.fence, 1) for one in await claimed_orders(storage)]
    assert await record(storage.orders, steps) == [Recorded.STORED] * MANY
    for one in (steps[0], steps[99], steps[100], steps[-1]):
        assert await storage.orders.get(one.order.id) == one.order
        assert tuple(await storage.orders.slices(one.order.id)) == one.slices


@pytest.mark.parametrize("second", [1, 150, MANY])
async def test_record_when_an_order_has_two_steps_among_many_then_both_are_stored(storage, second):
    steps = [step(one.order, one.fence, 1) for one in await claimed_orders(storage)]
    again = step(steps[0].order, steps[0].fence, 2)
    steps.insert(second, again)
    assert await record(storage.orders, steps) == [Recorded.STORED] * (MANY + 1)
    assert await storage.orders.get(again.order.id) == again.order
    assert [piece.number for piece in await storage.orders.slices(again.order.id)] == [1, 2]


async def test_record_when_one_of_many_is_stored_already_then_it_alone_is_lost(storage):
    steps = [step(one.order, one.fence, 1) for one in await claimed_orders(storage)]
    await record(storage.orders, steps[120:121])
    outcomes = await record(storage.orders, steps)
    assert outcomes[120] is Recorded.LOST
    assert [*outcomes[:120], *outcomes[121:]] == [Recorded.STORED] * (MANY - 1)
