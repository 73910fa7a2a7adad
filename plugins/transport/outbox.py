"""What is still to be sent on one connection, at the pace that the exchange allows."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from twap.plugins.transport.ending import Ended
from twap.plugins.transport.limiter import Limiter
from twap.ports.clock import Clock
from twap.ports.exchange import FeedCodec, Limits
from twap.ports.transport import Connection

GATHER_SECONDS = 0.005
"""So much later than the first wish the others are gathered into the same frame."""


def frame_limiter(clock: Clock, limits: Limits) -> Limiter:
    """Whole frames: 5 a second, but 1 in 8 seconds where 0.125 a second are allowed."""
    amount = max(1, int(limits.frames_per_second))
    return Limiter(clock, amount, amount / limits.frames_per_second)


class Outbox:
    """Wishes are noted at once and without waiting; `run` sends them: probes first, then ends, then begins.

    asked     told which symbols were subscribed to, after the frame has gone
    together  paces this connection's frames and those of the exchange's other ones
    """

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        asked: Callable[[Sequence[str]], None],
        together: Limiter | None = None,
    ) -> None:
        self._clock = clock
        self._together = together
        self._requests = limits.requests_per_connection
        self._requested: deque[float] = deque()
        self._most = max(1, limits.symbols_per_frame)
        self._pace = frame_limiter(clock, limits)
        self._asked = asked
        self._work = asyncio.Event()
        self._probe = False
        self._ending: dict[str, None] = {}
        self._beginning: dict[str, None] = {}

    def subscribe(self, symbols: Iterable[str]) -> None:
        self._beginning.update(dict.fromkeys(symbols))
        self._work.set()

    def unsubscribe(self, symbol: str) -> None:
        """One that was not even subscribed to yet just stays so."""
        if symbol in self._beginning and symbol not in self._ending:
            del self._beginning[symbol]
            return
        self._beginning.pop(symbol, None)
        self._ending[symbol] = None
        self._work.set()

    def resubscribe(self, symbol: str) -> None:
        self.unsubscribe(symbol)
        self.subscribe([symbol])

    def probe(self) -> None:
        self._probe = True
        self._work.set()

    async def run(self, connection: Connection, codec: FeedCodec) -> None:
        """For the life of the connection. Raises ConnectionEnded, Ended, and whatever a codec may raise."""
        while True:
            await self._work.wait()
            if not self._probe:
                await self._clock.sleep(GATHER_SECONDS)
            self._work.clear()
            while await self._send_next(connection, codec):
                pass

    async def _send_next(self, connection: Connection, codec: FeedCodec) -> bool:
        """False: there is nothing to send."""
        if not (self._probe or self._ending or self._beginning):
            return False
        await self._turn()  # before choosing: what is wished for meanwhile still fits in
        if self._probe:
            self._probe = False
            frame = codec.probe()
            await (connection.ping() if frame is None else connection.send(frame))
        elif self._ending:
            await self._send(connection, codec.unsubscribe(_first(self._ending, self._most)))
        elif self._beginning:
            symbols = _first(self._beginning, self._most)
            await self._send(connection, codec.subscribe(symbols))
            self._asked(symbols)
        return True

    async def _send(self, connection: Connection, frames: Sequence[str]) -> None:
        for number, frame in enumerate(frames):
            if number:
                await self._turn()
            self._count_request()
            await connection.send(frame)

    async def greet(self, connection: Connection, frames: Sequence[str]) -> None:
        """Send what opens the connection, within the same pace."""
        for frame in frames:
            await self._turn()
            await connection.send(frame)

    async def _turn(self) -> None:
        await self._pace.take()
        if self._together is not None:
            await self._together.take()

    def _count_request(self) -> None:
        """Raises Ended: on a new connection counting begins anew."""
        if self._requests is None:
            return
        most, seconds = self._requests
        now = self._clock.monotonic()
        while self._requested and self._requested[0] <= now - seconds:
            self._requested.popleft()
        if len(self._requested) >= most:
            raise Ended("replaced, as it has used up its requests", planned=True)
        self._requested.append(now)


def _first(symbols: dict[str, None], most: int) -> list[str]:
    """Taken out, in order."""
    taken = list(symbols)[:most]
    for symbol in taken:
        del symbols[symbol]
    return taken
