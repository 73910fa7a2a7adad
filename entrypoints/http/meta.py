"""The server about itself: welcome, ping, health and metrics."""

import asyncio

from prometheus_client import generate_latest
from quart import Quart, Response

from twap.entrypoints.http import answers, wire
from twap.entrypoints.services import Services
from twap.ports.errors import Unavailable
from twap.ports.market import BookState

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_READY_WITHIN_SECONDS = 2


class NotReady(Unavailable):
    """Requests that need what is missing would fail now."""


class MetaRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services

    def install(self, app: Quart) -> None:
        app.add_url_rule("/", "welcome", self.welcome, methods=["GET"])
        app.add_url_rule("/ping", "ping", self.ping, methods=["GET"])
        app.add_url_rule("/health/live", "live", self.live, methods=["GET"])
        app.add_url_rule("/health/ready", "ready", self.ready, methods=["GET"])
        app.add_url_rule("/metrics", "metrics", self.metrics, methods=["GET"])

    async def welcome(self) -> Response:
        return answers.json({"message": "Welcome to the Twap-Trading-API"})

    async def ping(self) -> Response:
        now = wire.time_text(self._services.clock.now())
        return answers.json({"status": "ok", "message": "Server is running", "timestamp": now})

    async def live(self) -> Response:
        return answers.json({"status": "alive"})

    async def ready(self) -> Response:
        """Ready: the storage answers, and at least one exchange is not known to be down."""
        if not await self._storage_answers():
            raise NotReady("the storage does not answer")
        feeds = {each.exchange: each.state.value for each in self._services.feed.status()}
        if all(state == BookState.DOWN for state in feeds.values()):
            raise NotReady("no exchange can be reached")
        executor = wire.plainly(self._services.executor_status())
        return answers.json({"status": "ready", "storage": "ready", "feeds": feeds, "executor": executor})

    async def _storage_answers(self) -> bool:
        try:
            async with asyncio.timeout(_READY_WITHIN_SECONDS):
                return await self._services.storage.ready()
        except TimeoutError:
            return False

    async def metrics(self) -> Response:
        return Response(generate_latest(self._services.metrics), content_type=_METRICS_TYPE)
