"""A live book for a page that is drawn anew every second: one subscription, the newest update of it."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from twap.entrypoints.client import TwapClient
from twap.ports.errors import TwapError

Json = dict[str, Any]
Updates = Callable[[], AsyncGenerator[Json, None]]
IDLE_SECONDS = 20.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Newest:
    """age_seconds: since it arrived."""

    update: Json
    age_seconds: float


def book_updates(url: str, symbol: str, exchanges: Sequence[str], depth: int) -> Updates:
    """See TwapClient.book."""

    async def updates() -> AsyncGenerator[Json, None]:
        async with TwapClient(url) as twap, aclosing(twap.book(symbol, exchanges, depth)) as book:
            async for update in book:
                yield update

    return updates


class Follower:
    """Reads updates in a thread of its own until `stop`, or until nobody has asked for a while.

    Nobody says when a browser is closed; that `newest` is no longer called is the sign.
    """

    def __init__(
        self,
        updates: Updates,
        *,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._updates = updates
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._asked_at = clock()
        self._received: tuple[Json, float] | None = None
        self._stopped = False
        self.failure: TwapError | None = None
        self._thread = threading.Thread(target=self._run, name="book", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends it within a second; does not wait."""
        self._stopped = True

    def join(self, timeout_seconds: float) -> None:
        self._thread.join(timeout_seconds)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def newest(self) -> Newest | None:
        """None before the first update."""
        self._asked_at = now = self._clock()
        if self._received is None:
            return None
        update, received_at = self._received
        return Newest(update, now - received_at)

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except TwapError as error:
            self.failure = error

    async def _follow(self) -> None:
        reading = asyncio.create_task(self._read())
        try:
            while not reading.done() and not self._unwanted():
                await asyncio.wait({reading}, timeout=LOOK_SECONDS)
            if reading.done():
                await reading
        finally:
            reading.cancel()

    async def _read(self) -> None:
        async with aclosing(self._updates()) as updates:
            async for update in updates:
                self._received = update, self._clock()

    def _unwanted(self) -> bool:
        return self._stopped or self._clock() - self._asked_at > self._idle_seconds
