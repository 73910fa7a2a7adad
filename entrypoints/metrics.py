"""What the program tells Prometheus of executor, feeds, storage and itself. Nothing is counted here: the
figures are read from who keeps them, when `/metrics` is asked for. HTTP and `/ws` add their own."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from twap.entrypoints.execution.stats import LATENESS_BUCKETS, ExecutionStats
from twap.entrypoints.services import Services
from twap.ports.feed import FeedStatus
from twap.ports.market import BookState

PROBE_EVERY_SECONDS = 5
PROBE_WITHIN_SECONDS = 2

_FEED_GAUGES = {
    "connections": "Open connections to the exchange",
    "feeds": "Symbols whose book is fed",
}
_FEED_COUNTERS = {
    "messages": "Frames received",
    "reconnects": "Connections made anew",
    "gaps": "Gaps found in the numbering of changes",
    "resyncs": "Books made true again by a new snapshot",
    "checksum_failures": "Books that did not fit the exchange's checksum",
    "malformed": "Frames that broke the exchange's protocol",
    "ignored": "Frames that said nothing to us",
}


class OperationsCollector(Collector):
    """stats: of the executor. `probe` runs beside the program: a scrape can't wait for the storage."""

    def __init__(self, services: Services, stats: ExecutionStats) -> None:
        self._services = services
        self._stats = stats
        self._storage_ready = False

    async def probe(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with asyncio.timeout(PROBE_WITHIN_SECONDS):
                    self._storage_ready = await self._services.storage.ready()
            except TimeoutError:
                self._storage_ready = False
            await self._services.clock.sleep(PROBE_EVERY_SECONDS)

    def collect(self) -> Iterator[Metric]:
        yield from self._executor()
        yield from self._storage()
        yield from _feeds(self._services.feed.status())

    def _executor(self) -> Iterator[Metric]:
        stats = self._stats
        held = self._services.executor_status().get("orders", 0)
        yield GaugeMetricFamily("twap_executor_orders", "Orders that this process executes", value=held)
        yield CounterMetricFamily("twap_slices", "Slices that are over, filled or not", value=stats.slices)
        yield CounterMetricFamily("twap_executions", "Executions stored", value=stats.executions)
        missed = CounterMetricFamily(
            "twap_slices_missed", "Slices that filled less than their target", labels=["reason"]
        )
        for reason, count in sorted(stats.missed.items()):
            missed.add_metric([reason], count)
        yield missed
        yield HistogramMetricFamily(
            "twap_slice_lateness_seconds",
            "From when a slice was due to when it looked at the books, less the order's own latency",
            buckets=_cumulative(stats.lateness),
            sum_value=stats.lateness_sum,
        )
        yield GaugeMetricFamily(
            "twap_executor_last_tick_seconds",
            "Time from the first due slice of the last run to the last one stored",
            value=stats.last_tick_seconds,
        )
        yield GaugeMetricFamily(
            "twap_executor_longest_tick_seconds",
            "The longest such time since the start",
            value=stats.longest_tick_seconds,
        )
        yield GaugeMetricFamily(
            "twap_executor_longest_busy_seconds",
            "The longest that a batch kept the event loop to itself, since the start",
            value=stats.longest_busy_seconds,
        )
        yield CounterMetricFamily(
            "twap_executor_steps_failed",
            "Steps that could not be stored; tried again",
            value=stats.steps_failed,
        )
        yield CounterMetricFamily(
            "twap_executor_steps_lost",
            "Steps given up, as the order was changed or claimed by another",
            value=stats.steps_lost,
        )

    def _storage(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "twap_storage_ready", "1: the storage answered when last asked", value=self._storage_ready
        )
        failing = self._stats.storage_error is not None
        yield GaugeMetricFamily(
            "twap_storage_error", "1: the executor's last access to the storage failed", value=failing
        )


def publish(services: Services, stats: ExecutionStats) -> OperationsCollector:
    """Let the program's `/metrics` show all this, and the process's memory, time and files."""
    collector = OperationsCollector(services, stats)
    services.metrics.register(collector)
    for standard in (ProcessCollector, PlatformCollector, GCCollector):
        standard(registry=services.metrics)
    return collector


def _cumulative(counts: Iterable[int]) -> list[tuple[str, float]]:
    bounds = [*map(str, LATENESS_BUCKETS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(counts)), strict=True))


def _feeds(statuses: Iterable[FeedStatus]) -> Iterator[Metric]:
    statuses = list(statuses)
    state = GaugeMetricFamily(
        "twap_feed_state", "1 for the state that the exchange's feed is in", labels=["exchange", "state"]
    )
    age = GaugeMetricFamily(
        "twap_feed_last_message_age_seconds",
        "Time since the last frame; absent before the first one",
        labels=["exchange"],
    )
    for each in statuses:
        for possible in BookState:
            state.add_metric([each.exchange, possible.value], float(each.state is possible))
        if each.last_message_age_ms is not None:
            age.add_metric([each.exchange], each.last_message_age_ms / 1000)
    yield state
    yield age
    for name, meaning in _FEED_GAUGES.items():
        gauge = GaugeMetricFamily(f"twap_feed_{name}", meaning, labels=["exchange"])
        for each in statuses:
            gauge.add_metric([each.exchange], getattr(each, name))
        yield gauge
    for name, meaning in _FEED_COUNTERS.items():
        counter = CounterMetricFamily(f"twap_feed_{name}", meaning, labels=["exchange"])
        for each in statuses:
            counter.add_metric([each.exchange], getattr(each, name))
        yield counter
