import asyncio
import gc
import sys
import weakref

import pytest

from tests.fakes.clock import ManualClock, settle
from twap.entrypoints.interpreter import (
    ALL_AFTER_CONNECTIONS,
    ALL_EVERY_SECONDS,
    TUNE_EVERY_SECONDS,
    keep_tuned,
)


class Cycle:
    """Only the collector can free it."""

    def __init__(self):
        self.itself = self


@pytest.fixture
async def tuned():
    """Runs `keep_tuned`; gives its clock and what it is told: how many orders run, how many connections there
    were."""
    kept, switch, clock = gc.get_threshold(), sys.getswitchinterval(), ManualClock()
    told = {"orders": 0, "connections": 0}
    task = asyncio.create_task(keep_tuned(lambda: told["orders"], lambda: told["connections"], clock))
    await settle()
    yield clock, told
    task.cancel()
    gc.set_threshold(*kept)
    sys.setswitchinterval(switch)


async def test_collector_when_orders_run_then_their_objects_do_not_bring_it_on(tuned):
    clock, told = tuned
    idle = gc.get_threshold()[0]
    told["orders"] = 5_000
    await clock.advance(TUNE_EVERY_SECONDS)
    assert gc.get_threshold()[0] == idle + 500_000


def old_garbage():
    """A reference to it."""
    gc.collect()
    cycle = Cycle()
    gc.collect()  # it is old now
    return weakref.ref(cycle)


async def test_old_garbage_when_ten_minutes_have_passed_then_it_is_gone(tuned):
    clock, _ = tuned
    left = old_garbage()
    await clock.advance(ALL_EVERY_SECONDS - TUNE_EVERY_SECONDS)
    gc.collect(1)
    assert left() is not None
    await clock.advance(2 * TUNE_EVERY_SECONDS)
    assert left() is None


async def test_old_garbage_when_thousands_of_connections_came_then_it_is_gone_at_once(tuned):
    clock, told = tuned
    left = old_garbage()
    told["connections"] = ALL_AFTER_CONNECTIONS - 1
    await clock.advance(TUNE_EVERY_SECONDS)
    assert left() is not None
    told["connections"] += 1
    await clock.advance(TUNE_EVERY_SECONDS)
    assert left() is None
    left = old_garbage()
    await clock.advance(TUNE_EVERY_SECONDS)
    assert left() is not None
