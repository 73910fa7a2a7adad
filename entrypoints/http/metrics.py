"""What is counted of HTTP, in the program's own registry; others add their collectors to the same one."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})


class HttpMetrics:
    """Requests and their time by route template, so that ids in paths make no new series. For the same reason
    methods that a client made up count as `other`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "twap_http_requests", "HTTP requests answered", ["route", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "twap_http_request_seconds",
            "Time from a request's head to its answer",
            ["route"],
            buckets=_LATENCY_SECONDS,
            registry=registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        key = (route, method if method in _METHODS else "other", status)
        series = self._series.get(key)
        if series is None:
            # Looking labels up costs more than counting; there are only so many routes and statuses.
            series = (self._requests.labels(*map(str, key)), self._seconds.labels(route))
            self._series[key] = series
        series[0].inc()
        series[1].observe(seconds)
