"""What the database refuses is refused whole, and harms nobody else."""

import asyncio
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.orders import NOON, advanced, make_order, make_slice, record
from tests.plugins.storage.conftest import opened
from twap.ports.errors import StorageError
from twap.ports.store import Recorded, Step

WRITES = {
    "orders": "BEFORE UPDATE ON orders WHEN new.id = '{id}'",
    "slices": "BEFORE INSERT ON slices WHEN new.number = {number} AND {entry} = new.order_entry",
    "executions": "BEFORE INSERT ON executions WHEN {number} ="
    " (SELECT number FROM slices WHERE id = new.slice_id AND order_entry = {entry})",
}


async def claimed_orders(storage, count):
    for _ in range(count):
        await storage.orders.add(make_order())
    return await storage.orders.claim("me", now=NOON, lease_seconds=30, limit=count)


def steps_of(claimed):
    orders = [advanced(one.order, slices_done=2) for one in claimed]
    return [
        Step(order, one.fence, (make_slice(order, 1), make_slice(order, 2)))
        for one, order in zip(claimed, orders, strict=True)
    ]


def run(path, *statements):
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    write=st.sampled_from(sorted(WRITES)),
    how=st.sampled_from(["ABORT", "FAIL", "ROLLBACK"]),
    victim=st.integers(0, 3),
    number=st.integers(1, 2),
)
async def test_record_when_any_write_fails_then_its_step_is_whole_or_nothing(
    tmp_path_factory, write, how, victim, number
):
    path = tmp_path_factory.mktemp("failing") / "twap.sqlite3"
    async with opened(f"sqlite:///{path}") as storage:
        claimed = await claimed_orders(storage, 4)
        steps = steps_of(claimed)
        victim_id = claimed[victim].order.id
        entry = f"(SELECT entry FROM orders WHERE id = '{victim_id}')"  # noqa: S608
        when = WRITES[write].format(id=victim_id, entry=entry, number=number)
        run(path, f"CREATE TRIGGER refusing {when} BEGIN SELECT RAISE({how}, 'refused'); END")
        expected = [Recorded.FAILED if n == victim else Recorded.STORED for n in range(4)]
        assert await record(storage.orders, steps) == expected
        for one, step, outcome in zip(claimed, steps, expected, strict=True):
            stored = outcome is Recorded.STORED
            assert await storage.orders.get(one.order.id) == (step.order if stored else one.order)
            assert await storage.orders.slices(one.order.id) == (list(step.slices) if stored else [])
            fills = [fill for piece in step.slices for fill in piece.executions]
            assert await storage.orders.executions(one.order.id) == (fills if stored else [])
        run(path, "DROP TRIGGER refusing")
        assert await record(storage.orders, [steps[victim]]) == [Recorded.STORED]


async def execute(storage, statement):
    async with storage._database.reading() as session:
        await session.execute_query(statement)


async def test_record_when_the_disk_is_full_then_said_and_nothing_is_written(sqlite):
    claimed = await claimed_orders(sqlite, 3)
    steps = steps_of(claimed)
    await execute(sqlite, "PRAGMA max_page_count = 1")
    big = [Step(s.order, s.fence, (make_slice(s.order, 1, venues=s.slices[0].venues * 900),)) for s in steps]
    with pytest.raises(StorageError, match="database or disk is full"):
        await record(sqlite.orders, big)
    await execute(sqlite, "PRAGMA max_page_count = 1000000")
    assert [await sqlite.orders.get(one.order.id) for one in claimed] == [one.order for one in claimed]
    assert await record(sqlite.orders, steps) == [Recorded.STORED] * 3


async def test_record_when_the_database_is_read_only_then_said(sqlite):
    steps = steps_of(await claimed_orders(sqlite, 2))
    await execute(sqlite, "PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="readonly"):
        await record(sqlite.orders, steps)
    with pytest.raises(StorageError, match="readonly"):
        await sqlite.orders.add(make_order())
    await execute(sqlite, "PRAGMA query_only = OFF")
    assert await record(sqlite.orders, steps) == [Recorded.STORED] * 2


async def test_record_when_a_step_can_not_be_encoded_then_it_alone_fails(storage):
    good, bad = await claimed_orders(storage, 2)
    broken = advanced(bad.order, slices_done=2**70)
    outcomes = await record(storage.orders, [Step(broken, bad.fence), *steps_of([good])])
    assert outcomes[1] == Recorded.STORED


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_record_when_canceled_anywhere_then_whole_or_nothing_and_the_storage_goes_on(storage, turns):
    claimed = await claimed_orders(storage, 3)
    steps = steps_of(claimed)
    task = asyncio.create_task(record(storage.orders, steps))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await storage.orders.add(make_order())
    stored = [await storage.orders.get(one.order.id) for one in claimed]
    assert stored in ([one.order for one in claimed], [step.order for step in steps])
    counts = {len(await storage.orders.slices(one.order.id)) for one in claimed}
    assert counts == ({2} if stored[0] == steps[0].order else {0})
