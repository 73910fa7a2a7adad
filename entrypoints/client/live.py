"""What goes on happening: the states of an order, the updates of a book."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import aiohttp

from twap.entrypoints.client.errors import NoServerAddress, ServerUnreachable, StreamRefused
from twap.entrypoints.client.exact_json import Json, decode, encode
from twap.entrypoints.client.http import HttpClient

OVER = frozenset({"completed", "canceled", "failed"})
POLL_SECONDS = 1.0
MOST_FAILURES = 10
"""In a row; then whoever waits is told."""


class OrderStates:
    """Every state of one order, by push where the socket works and by polling where it does not."""

    def __init__(self, http: HttpClient, order_id: str) -> None:
        self._http = http
        self._order_id = order_id
        self._last: Json | None = None
        self._seen: set[str] = set()

    async def follow(self) -> AsyncGenerator[Json, None]:
        """Once."""
        failures = 0
        while True:
            with suppress(ServerUnreachable):
                async for state in self._pushed():
                    yield state
            if self._over():
                return
            try:
                polled = await self._read()
            except NoServerAddress:
                raise
            except ServerUnreachable:
                failures += 1
                if failures >= MOST_FAILURES:
                    raise
            else:
                failures = 0
                if polled is not None:
                    yield polled
            if self._over():
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _pushed(self) -> AsyncIterator[Json]:
        """Until the order is over, the socket ends, or the server does not push orders."""
        token = await self._http.login.access_token()
        async with self._http.socket() as socket:
            await _say(socket, {"action": "subscribe_orders", "token": token})
            async for message in _messages(socket):
                match message:
                    case {"type": "subscribe_orders_success" | "resync"}:
                        state = await self._read()
                    case {"type": "order_update"}:
                        state = self._new(message.get("order", message), message.get("executions", ()))
                    case {"type": "welcome"}:
                        continue
                    case _:
                        return
                if state is not None:
                    yield state
                if self._over():
                    return

    async def _read(self) -> Json | None:
        state = (await self._http.request("GET", f"/orders/{self._order_id}", signed=True)).json()
        return self._new(state, state["executions"])

    def _new(self, order: Json, executions: Sequence[Json]) -> Json | None:
        """None for another order, and for what was known already."""
        if order["order_id"] != self._order_id:
            return None
        state = {name: value for name, value in order.items() if name not in ("type", "executions")}
        last = self._last
        if last is not None and (state == last or state["slices_done"] < last["slices_done"]):
            return None
        self._last = state
        fresh = [each for each in executions if each["id"] not in self._seen]
        self._seen.update(each["id"] for each in fresh)
        return {**state, "executions": fresh}

    def _over(self) -> bool:
        return self._last is not None and self._last["status"] in OVER


async def book_updates(
    http: HttpClient, symbol: str, exchanges: Sequence[str], depth: int
) -> AsyncGenerator[Json, None]:
    """See TwapClient.book."""
    wanted = {"action": "subscribe", "symbol": symbol, "exchanges": list(exchanges), "depth": depth}
    failures = 0
    while True:
        try:
            async with http.socket() as socket:
                await _say(socket, wanted)
                async for message in _messages(socket):
                    if message.get("type") == "order_book_update":
                        failures = 0
                        yield message
                    elif message.get("type") == "subscribe_failure" or "error" in message:
                        raise StreamRefused(str(message.get("message") or message.get("error")))
            failures += 1
        except NoServerAddress:
            raise
        except ServerUnreachable:
            failures += 1
            if failures >= MOST_FAILURES:
                raise
        await asyncio.sleep(POLL_SECONDS)


async def _say(socket: "aiohttp.ClientWebSocketResponse[bool]", message: Json) -> None:
    try:
        await socket.send_str(encode(message).decode())
    except (aiohttp.ClientError, OSError) as error:
        raise ServerUnreachable("its WebSocket", str(error)) from error


async def _messages(socket: "aiohttp.ClientWebSocketResponse[bool]") -> AsyncIterator[dict[str, Any]]:
    """Until the connection ends, however it does."""
    async for frame in socket:
        if frame.type is not aiohttp.WSMsgType.TEXT:
            return
        message = decode(frame.data)
        if isinstance(message, dict):
            yield message
