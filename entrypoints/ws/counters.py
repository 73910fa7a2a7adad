"""What the hub counts of itself, and how `/metrics` sees it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_GAUGES = {
    "clients": "open WebSockets",
    "subscriptions": "books that clients are subscribed to",
    "tick_seconds": "how long after its whole second the last broadcast had been handed to all clients",
}
_COUNTERS = {
    "updates_sent": "book updates sent",
    "updates_skipped": "book updates that a newer one replaced, as the client read too slowly",
    "encodings": "book updates encoded; each is shared by all who asked for it",
    "order_updates_sent": "order updates sent",
    "resyncs": "times a client that had lost order updates was sent the state instead",
    "stalled_ended": "clients ended because they read nothing",
    "refused": "handshakes refused",
}


@dataclass(slots=True)
class Counters:
    updates_sent: int = 0
    updates_skipped: int = 0
    encodings: int = 0
    order_updates_sent: int = 0
    resyncs: int = 0
    stalled_ended: int = 0
    refused: int = 0


class HubCollector(Collector):
    """Reads the counts when they are asked for, so that counting costs nothing."""

    def __init__(self, counts: Callable[[], Mapping[str, float]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts()
        for name, meaning in _GAUGES.items():
            yield GaugeMetricFamily(f"twap_ws_{name}", meaning, value=counts[name])
        for name, meaning in _COUNTERS.items():
            yield CounterMetricFamily(f"twap_ws_{name}", meaning, value=counts[name])


def publish(registry: CollectorRegistry, counts: Callable[[], Mapping[str, float]]) -> None:
    registry.register(HubCollector(counts))
