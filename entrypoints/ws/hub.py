"""The hub of `/ws`: lets clients in, keeps the common tick, and closes everything in time."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

import structlog
from quart import Quart, Response, Websocket, websocket

from twap.entrypoints.http import wire
from twap.entrypoints.http.proxies import client_address
from twap.entrypoints.services import Services
from twap.entrypoints.ws import counters
from twap.entrypoints.ws.broadcast import Broadcast
from twap.entrypoints.ws.connection import Connection, Wire
from twap.entrypoints.ws.limits import Addresses
from twap.entrypoints.ws.orders import OrderStreams
from twap.entrypoints.ws.subscriber import CLOSING_SECONDS, GOING_AWAY, Subscriber, Surroundings

_SECOND = timedelta(seconds=1)
_UNWIND_SECONDS = 0.5


class Hub:
    """`install` it in the app, let `run` run beside it, and `close` it before the server stops."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._log = structlog.get_logger("twap.ws")
        self._counters = counters.Counters()
        self._broadcast = Broadcast(services.market, self._counters)
        self._surroundings = Surroundings(services, self._broadcast, OrderStreams(services), self._counters)
        self._addresses = Addresses(services.settings.ws_clients_per_address)
        self._clients: set[Subscriber] = set()
        self._leaving: dict[Wire, float] = {}
        self._closing = False
        self._tick_seconds = 0.0

    def install(self, app: Quart) -> None:
        app.asgi_websocket_class = Connection
        app.add_websocket("/ws", "ws", self._serve)
        counters.publish(self._services.metrics, self.counts)

    async def run(self) -> None:
        """At every whole second, each client that is due gets the book of that second."""
        clock = self._services.clock
        while True:
            second = await self._next_second()
            now = clock.monotonic()
            try:
                await self._broadcast.tick(second, now)
            except Exception:  # noqa: BLE001 - one broken book must not end the program
                self._log.exception("broadcast failed", second=second.isoformat())
            self._tick_seconds = (clock.now() - second).total_seconds()
            self._review(now)

    async def close(self, seconds: float) -> None:
        """Let nobody in any more and close every WebSocket with 1001; after `seconds`, drop what is left.

        Takes at most half a second longer. Hypercorn would wait for ever for an open WebSocket.
        """
        self._closing = True
        served = [client.task for client in self._clients]
        wires = [*self._leaving, *(client.wire for client in self._clients)]
        for client in self._clients:
            client.end(GOING_AWAY, "the server is shutting down")
        ends = [*served, *(asyncio.create_task(each.wait_closed()) for each in wires)]
        if not ends:
            return
        _, late = await asyncio.wait(ends, timeout=seconds)
        if late:
            self._log.info("clients that read nothing are dropped", clients=len(self._clients))
            for client in tuple(self._clients):
                client.abort()
            for each in wires:
                each.abort()
            await asyncio.wait(late, timeout=_UNWIND_SECONDS)

    def counts(self) -> Mapping[str, float]:
        """For metrics; see `counters` for what each means."""
        counted = self._counters
        return {
            "clients": len(self._clients),
            "subscriptions": self._broadcast.subscriptions,
            "tick_seconds": self._tick_seconds,
            "updates_sent": counted.updates_sent,
            "updates_skipped": counted.updates_skipped,
            "encodings": counted.encodings,
            "order_updates_sent": counted.order_updates_sent,
            "resyncs": counted.resyncs,
            "stalled_ended": counted.stalled_ended,
            "refused": counted.refused,
        }

    async def _serve(self) -> Response | None:
        """The handler of one WebSocket. An answer refuses the handshake."""
        if self._closing:
            return self._refusal(503, "Service Unavailable", "the server is shutting down")
        proxied = cast(Websocket, websocket._get_current_object())  # type: ignore[attr-defined]
        address = client_address(proxied, self._services.settings.trusted_proxies)
        if not self._addresses.enter(address):
            most = self._services.settings.ws_clients_per_address
            return self._refusal(429, "Too Many Requests", f"at most {most} WebSockets from one address")
        client = Subscriber(proxied, self._surroundings)
        self._clients.add(client)
        try:
            await client.serve()
        finally:
            self._clients.discard(client)
            self._addresses.leave(address)
            # Its last bytes may be on the way still, or never be read.
            self._leaving[client.wire] = self._services.clock.monotonic() + CLOSING_SECONDS
        return None

    def _refusal(self, status: int, title: str, detail: str) -> Response:
        self._counters.refused += 1
        body = wire.encode({"type": "about:blank", "title": title, "status": status, "detail": detail})
        headers = {"Retry-After": "10"}
        return Response(body, status, headers, content_type="application/problem+json")

    async def _next_second(self) -> datetime:
        """Wait for the next whole second; a late one is skipped, never made up for."""
        clock = self._services.clock
        target = clock.now().replace(microsecond=0) + _SECOND
        while (left := (target - clock.now()).total_seconds()) > 0:
            await clock.sleep(left)
        return clock.now().replace(microsecond=0)

    def _review(self, now: float) -> None:
        for client in tuple(self._clients):
            client.review(now)
        for each, deadline in tuple(self._leaving.items()):
            if now >= deadline:
                del self._leaving[each]
                each.abort()
