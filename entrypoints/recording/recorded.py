"""`twap record`: the feed engine as always, with everything that it receives written down."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from dependency_injector import providers

from twap.entrypoints.container import Container
from twap.entrypoints.recording.files import Kind
from twap.entrypoints.recording.writer import Bounds, RecordingWriter
from twap.plugins.transport.aiohttp_transport import AiohttpTransport
from twap.ports.clock import Clock
from twap.ports.errors import TwapError
from twap.ports.exchange import Exchange
from twap.ports.market import Instrument
from twap.ports.transport import Connection, ConnectionEnded, HttpRequest, HttpResponse, Transport

HIDDEN = "TOKEN"
"""Stands where an address held a secret."""

POLL_SECONDS = 0.25
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECRET = re.compile(r"([?&][^=&#]*(?:token|connectid|secret|sign|key)[^=&#]*=)([^&#]+)", re.IGNORECASE)


class RecordingConnection:
    """Implements twap.ports.transport.Connection: passes everything on, and notes it."""

    def __init__(self, inner: Connection, note: Callable[[Kind, str, bytes], None], secrets: Sequence[str]):
        self._inner, self._note, self._secrets = inner, note, secrets
        self._is_over = False

    async def send(self, frame: str) -> None:
        await self._inner.send(frame)
        for secret in self._secrets:
            frame = frame.replace(secret, HIDDEN)
        self._note(Kind.SENT, "ws_sent", frame.encode())

    async def ping(self) -> None:
        await self._inner.ping()

    async def receive(self) -> bytes | None:
        try:
            frame = await self._inner.receive()
        except ConnectionEnded as ended:
            self._end(str(ended))
            raise
        self._note(Kind.WS, "ws_pong" if frame is None else "ws", frame or b"")
        return frame

    async def close(self) -> None:
        self._end("closed by ourselves")
        await self._inner.close()

    def _end(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._note(Kind.SENT, "ws_end", why.encode())


class RecordingTransport:
    """Implements twap.ports.transport.Transport: the inner one, with what it brings of one exchange noted.

    Answers to the handshake are not, since they hold tokens; nor are refusals.
    """

    def __init__(self, inner: Transport, exchange: Exchange, writer: RecordingWriter, clock: Clock) -> None:
        self._inner, self._writer, self._clock = inner, writer, clock
        self._name = exchange.name
        self._instruments = exchange.instruments_request()
        handshake = exchange.handshake_request()
        self._handshake = None if handshake is None else (handshake.method, handshake.path)
        self._connections = count(1)

    async def request(self, base: str, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        response = await self._inner.request(base, request, timeout_seconds)
        is_handshake = (request.method, request.path) == self._handshake
        if 200 <= response.status < 300 and not is_handshake:
            query = f"?{urlencode(request.query)}" if request.query else ""
            url, _ = without_secrets(base + request.path + query)
            kind = Kind.SYMBOLS if request == self._instruments else Kind.HTTP
            self._put(0, url, kind, "http", response.body)
        return response

    async def connect(
        self, url: str, headers: Mapping[str, str], max_frame_bytes: int, timeout_seconds: float
    ) -> Connection:
        connection = await self._inner.connect(url, headers, max_frame_bytes, timeout_seconds)
        number = next(self._connections)
        shown, secrets = without_secrets(url)

        def note(kind: Kind, channel: str, payload: bytes) -> None:
            self._put(number, shown, kind, channel, payload)

        note(Kind.SENT, "ws_open", b"")
        return RecordingConnection(connection, note, secrets)

    async def close(self) -> None:
        await self._inner.close()

    def _put(self, connection: int, url: str, kind: Kind, channel: str, payload: bytes) -> None:
        at = (self._clock.now() - _EPOCH) // timedelta(microseconds=1)
        self._writer.put(self._name, kind, at, channel, connection, url, payload)


def without_secrets(url: str) -> tuple[str, list[str]]:
    """The address with TOKEN for the values of parameters that name a token, key or signature; and those."""
    return _SECRET.sub(rf"\g<1>{HIDDEN}", url), [value for _, value in _SECRET.findall(url)]


class RecordedExchange:
    """An exchange as it is, but whatever transport it uses is recorded: one of its own, too."""

    def __init__(self, exchange: Exchange, network: Transport, writer: RecordingWriter, clock: Clock) -> None:
        self._exchange, self._network, self._writer, self._clock = exchange, network, writer, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def transport(self) -> Transport:
        inner = self._exchange.transport() or self._network
        return RecordingTransport(inner, self._exchange, self._writer, self._clock)


def recorded(
    exchanges: Mapping[str, Exchange], network: Transport, writer: RecordingWriter, clock: Clock
) -> dict[str, Exchange]:
    """The same exchanges for a feed engine whose traffic is written down."""
    return {
        name: cast("Exchange", RecordedExchange(exchange, network, writer, clock))
        for name, exchange in exchanges.items()
    }


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording came to. ended: why, where it was neither the time nor the user."""

    lines: int
    bytes_written: int
    ended: str | None
    failed: bool


async def record(
    container: Container,
    symbols: Sequence[str],
    folder: Path,
    *,
    stop: asyncio.Event,
    seconds: float | None = None,
    bounds: Bounds | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Recorded:
    """Record the books of these symbols on all exchanges of the container, until the time is over, the
    bounds are reached or `stop` is set.

    tell  hears once a second how it stands

    Raises UnknownSymbol, ExchangeUnavailable; TwapError where the folder holds a recording.
    """
    with _writing(folder, bounds) as writer:
        clock = container.clock()
        exchanges, failures = container.found()
        wrapped = recorded(exchanges, AiohttpTransport(), writer, clock)
        with container.found.override(providers.Object((wrapped, failures))):
            feed = container.feed()
        if not wrapped:
            raise TwapError("no exchange to record: " + "; ".join(map(": ".join, failures.items())))
        await feed.start()
        try:
            names = [name for name in feed.exchanges() if name in wrapped]
            instruments = [await feed.instrument(name, symbol) for symbol in symbols for name in names]
            for instrument in instruments:
                feed.acquire(instrument)
            await _watch(container, instruments, writer, stop, seconds, tell)
        finally:
            await feed.close()
    return Recorded(writer.lines, writer.bytes_written, writer.ended, writer.failed)


@contextmanager
def _writing(folder: Path, bounds: Bounds | None) -> Iterator[RecordingWriter]:
    """A recording that could not even begin leaves nothing behind."""
    writer = RecordingWriter(folder, bounds)
    try:
        yield writer
    except TwapError:
        writer.discard()
        raise
    finally:
        writer.close()


async def _watch(
    container: Container,
    instruments: Sequence[Instrument],
    writer: RecordingWriter,
    stop: asyncio.Event,
    seconds: float | None,
    tell: Callable[[str], None],
) -> None:
    """Books are looked at once a second, as they are when orders run: that is how a crossed one is found."""
    clock, market = container.clock(), container.market()
    began = clock.monotonic()
    told = began - 1
    while not stop.is_set() and writer.ended is None:
        now = clock.monotonic()
        if seconds is not None and now - began >= seconds:
            return
        if now - told >= 1:
            told = now
            states = [market.source(each.exchange, each.symbol).state.value for each in instruments]
            tell(_standing(instruments, states, writer))
        await clock.sleep(POLL_SECONDS)


def _standing(instruments: Sequence[Instrument], states: Sequence[str], writer: RecordingWriter) -> str:
    books = ", ".join(f"{x.exchange} {x.symbol} {s}" for x, s in zip(instruments, states, strict=True))
    return f"{writer.lines} lines, {writer.bytes_written / 1e6:.1f} MB; {books}"
