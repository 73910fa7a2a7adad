"""Snapshots by REST, for all books of one exchange."""

import asyncio

from twap.plugins.transport.backoff import Backoff
from twap.plugins.transport.venue import Venue, reading
from twap.ports.errors import TwapError
from twap.ports.events import Snapshot

ALONE = 3
"""More failures than this in a row, without a success of any book, are no matter of single books."""


class Snapshots:
    """Where none can be had, the books take turns to try again, within half of the exchange's limit. Else
    hundreds of them would use it up on failures, and have to wait for it once the exchange is back."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._failures = 0
        self._next_turn_at = 0.0
        self._resting: set[asyncio.Future[None]] = set()

    async def fetch(self, native: str) -> Snapshot:
        """Raises ExchangeUnavailable, UpstreamError."""
        exchange, name = self._venue.exchange, self._venue.name
        try:
            with reading(name):
                request = exchange.snapshot_request(native)
            body = await self._venue.rest.fetch(request, attempts=1)
            with reading(name):
                snapshot = exchange.snapshot(body, native)
        except TwapError:
            self._failures += 1
            raise
        if self._failures > ALONE:
            for sleeper in self._resting:
                if not sleeper.done():
                    sleeper.set_result(None)
        self._failures, self._next_turn_at = 0, 0.0
        return snapshot

    async def rest(self, native: str, backoff: Backoff) -> None:
        """After a failure, until this book should try again."""
        clock, seconds = self._venue.clock, max(backoff.next(), self._venue.rest.pause_left())
        if self._failures > ALONE:
            now = clock.monotonic()
            self._next_turn_at = max(now, self._next_turn_at) + self._turn_seconds(native)
            seconds = max(seconds, self._next_turn_at - now)
        woken = asyncio.get_running_loop().create_future()
        timer = asyncio.ensure_future(clock.sleep(seconds))
        self._resting.add(woken)
        try:
            await asyncio.wait({woken, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._resting.discard(woken)
            timer.cancel()

    def _turn_seconds(self, native: str) -> float:
        amount, seconds = self._venue.limits.rest
        return 2 * seconds * self._venue.exchange.snapshot_request(native).weight / amount
