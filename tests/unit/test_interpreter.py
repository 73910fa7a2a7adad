import asyncio
import gc
import sys
import weakref

import pytest

from tests.fakes.clock import ManualClock, settle
from twap.entrypoints.interpreter import ALL_EVERY_SECONDS, TUNE_EVERY_SECONDS, keep_tuned


class Cycle:
    """Only the collector can free it."""

    def __init__(self):
        self.itself = self


@pytest.fixture
async def tuned():
    """Runs `keep_tuned`; gives its clock and the number of orders that it is told."""
    kept, switch, clock, orders = gc.get_threshold(), sys.getswitchinterval(), ManualClock(), [0]
    task = asyncio.create_task(keep_tuned(lambda: orders[0], clock))
    await settle()
    yield clock, orders
    task.cancel()
    gc.set_threshold(*kept)
    sys.setswitchinterval(switch)


async def test_collector_when_orders_run_then_their_objects_do_not_bring_it_on(tuned):
    clock, orders = tuned
    idle = gc.get_threshold()[0]
    orders[0] = 5_000
    await clock.advance(TUNE_EVERY_SECONDS)
    assert gc.get_threshold()[0] == idle + 500_000


async def test_old_garbage_when_ten_minutes_have_passed_then_it_is_gone(tuned):
    clock, _ = tuned
    gc.collect()
    cycle = Cycle()
    gc.collect()  # it is old now
    left = weakref.ref(cycle)
    del cycle
    await clock.advance(ALL_EVERY_SECONDS - TUNE_EVERY_SECONDS)
    gc.collect(1)
    assert left() is not None
    await clock.advance(2 * TUNE_EVERY_SECONDS)
    assert left() is None
