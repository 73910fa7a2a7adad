"""Python itself, set up for a server: when threads take turns, and when the garbage collector comes by.

Nearly everything is freed by counting references. What is left for the collector are the cycles that ended
connections and requests leave behind, some 40 KiB each; what it costs are pauses in proportion to what lives,
and each running order is some fifty objects that are made anew at every slice.
"""

import gc
import sys
from collections.abc import Callable

from twap.ports.clock import Clock

SWITCH_SECONDS = 0.001
"""How long the database's thread waits for the interpreter while the event loop is busy; Python's own 5 ms
would be paid with every statement."""

FEW_OBJECTS, OBJECTS_AN_ORDER = 20_000, 100
"""After so many new objects the young ones are looked at: 1 to 2 ms. Orders are left out of it: with Python's
own thresholds 5,000 of them cost an eighth of each tick, and kept the loop busy for 90 ms at a stretch."""

TUNE_EVERY_SECONDS = 5
ALL_EVERY_SECONDS, ALL_AFTER_CONNECTIONS = 600, 3_000
"""Connections that lived for long leave old objects behind, which the thresholds alone would hardly ever
reach; so many leave 50 MiB. A full collection takes 30 ms, with 5,000 orders 150 ms."""


def tune_interpreter(orders: int = 0) -> None:
    """orders: how many are running."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(FEW_OBJECTS + OBJECTS_AN_ORDER * orders, 5, 20)


async def keep_tuned(orders: Callable[[], int], connections: Callable[[], int], clock: Clock) -> None:
    """For as long as the server runs. connections: how many there were since the start."""
    collected_at, collected_of = clock.monotonic(), connections()
    while True:
        tune_interpreter(orders())
        opened = connections() - collected_of
        if opened >= ALL_AFTER_CONNECTIONS or clock.monotonic() - collected_at >= ALL_EVERY_SECONDS:
            gc.collect()
            collected_at, collected_of = clock.monotonic(), connections()
        await clock.sleep(TUNE_EVERY_SECONDS)
