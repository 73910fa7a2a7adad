"""The way to the simulated market: no network, but the same port as the real exchanges'."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from twap.plugins.exchanges.simulated.market import STEPS_PER_SECOND, Book
from twap.plugins.exchanges.simulated.protocol import (
    UNREADABLE,
    CandleRow,
    Heartbeat,
    Message,
    Refusal,
    RejectedSymbols,
    Request,
    SubscribedTo,
    UnsubscribedFrom,
)
from twap.plugins.exchanges.simulated.venue import EPOCH, STEP, Venue, step_at
from twap.ports.clock import Clock
from twap.ports.transport import Connection, ConnectionEnded, HttpRequest, HttpResponse

MAX_CANDLES = 500


class SimulatedTransport:
    """Implements `twap.ports.transport.Transport`; addresses mean nothing to it."""

    def __init__(self, venue: Venue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock

    async def request(self, base: str, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        symbol = request.query.get("symbol", "")
        if request.path == "/instruments":
            return _response(200, self._venue.pairs())
        if symbol not in self._venue:
            return _response(404, Refusal(f"no such symbol: {symbol}"))
        if request.path == "/book":
            step = step_at(self._clock.now())
            return _response(200, self._venue.snapshot(symbol, step, self._venue.book(symbol, step)))
        if request.path == "/candles":
            try:
                first, last, length = (int(request.query[name]) for name in ("start", "end", "steps"))
            except (LookupError, ValueError):
                return _response(400, Refusal("start, end and steps must be whole numbers"))
            return _response(200, await self._candles(symbol, first, last, max(length, 1)))
        return _response(404, Refusal(f"no such path: {request.path}"))

    async def connect(
        self, url: str, headers: Mapping[str, str], max_frame_bytes: int, timeout_seconds: float
    ) -> Connection:
        return SimulatedConnection(self._venue, self._clock)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _candles(self, symbol: str, first: int, last: int, length: int) -> Sequence[CandleRow]:
        """Those that open from step `first` to before `last`, none in the future."""
        now = step_at(self._clock.now())
        opens = range(-(-max(first, 0) // length) * length, min(last, now), length)
        rows = []
        for opened in opens[:MAX_CANDLES]:
            rows.append(self._venue.candle(symbol, opened, length, now))
            if len(rows) % 50 == 0:
                await self._clock.sleep(0)  # others may want to run meanwhile
        return rows


class SimulatedConnection:
    """Implements `twap.ports.transport.Connection`. Frames are made when they are asked for, step by step;
    whoever asks late gets one delta that covers what was missed."""

    def __init__(self, venue: Venue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._request = msgspec.json.Decoder(Request)
        self._step = step_at(clock.now())
        self._books: dict[str, Book] = {}
        self._waiting: deque[bytes | None] = deque()
        self._ended = False

    async def send(self, frame: str) -> None:
        if self._ended:
            raise ConnectionEnded("closed by ourselves")
        try:
            request = self._request.decode(frame)
        except UNREADABLE as error:
            self._ended = True
            raise ConnectionEnded(f"the market did not understand {frame[:80]!r}: {error}") from error
        match request.action:
            case "subscribe":
                self._subscribe(request.symbols)
            case "unsubscribe":
                for symbol in request.symbols:
                    self._books.pop(symbol, None)
                self._say(UnsubscribedFrom(request.symbols))
            case _:
                self._say(Heartbeat())

    async def ping(self) -> None:
        if self._ended:
            raise ConnectionEnded("closed by ourselves")
        self._waiting.append(None)

    async def receive(self) -> bytes | None:
        while not self._ended:
            if self._waiting:
                return self._waiting.popleft()
            now = self._clock.now()
            if step_at(now) > self._step:
                self._advance(step_at(now))
            else:
                await self._clock.sleep(_seconds_until(self._step + 1, now))
        raise ConnectionEnded("closed by ourselves")

    async def close(self) -> None:
        self._ended = True

    def _subscribe(self, symbols: Sequence[str]) -> None:
        known = [symbol for symbol in symbols if symbol in self._venue]
        unknown = [symbol for symbol in symbols if symbol not in self._venue]
        if unknown:
            self._say(RejectedSymbols(unknown, "this market does not trade it"))
        if known:
            self._say(SubscribedTo(known))
        for symbol in known:
            book = self._books[symbol] = self._venue.book(symbol, self._step)
            self._say(self._venue.snapshot(symbol, self._step, book))

    def _advance(self, step: int) -> None:
        """Say what the steps up to this one changed. Deltas are sent even when empty: their steps count."""
        for symbol, old in self._books.items():
            new = self._books[symbol] = self._venue.book(symbol, step)
            self._say(self._venue.delta(symbol, self._step, old, step, new))
        if step // STEPS_PER_SECOND > self._step // STEPS_PER_SECOND:
            self._say(Heartbeat())
        self._step = step

    def _say(self, message: Message) -> None:
        self._waiting.append(msgspec.json.encode(message))


def _seconds_until(step: int, now: datetime) -> float:
    """At most one step, also when the clock was set back; at least a moment, so that a clock that rounds
    down does not make us spin."""
    ahead = EPOCH + step * STEP - now
    return max(min(ahead, STEP).total_seconds(), 0.001)


def _response(status: int, body: object) -> HttpResponse:
    return HttpResponse(status, {"Content-Type": "application/json"}, msgspec.json.encode(body))
