"""Recorded lines through the same codecs and books as live ones, with the clock in the recording's hands."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from urllib.parse import parse_qsl, urlsplit

import msgspec

from twap.domain.market import Market
from twap.entrypoints.recording.files import Kind, Line, RecordingFile, Survey, read_lines, survey
from twap.ports.errors import CodecError
from twap.ports.events import Broken, Delta, FeedEvent, Reconnect, Rejected, Snapshot
from twap.ports.exchange import Exchange, FeedCodec
from twap.ports.feed import BookInput, Cause, Pulse
from twap.ports.market import BookState, Instrument

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """Aware UTC of microseconds since 1970."""
    return _EPOCH + at * _MICROSECOND


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


class ReplayClock:
    """Implements twap.ports.clock.Clock: time is what the recording says, to the microsecond."""

    def __init__(self, at: int) -> None:
        self._began = self.at = at

    def now(self) -> datetime:
        return moment(self.at)

    def monotonic(self) -> float:
        return (self.at - self._began) / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Nobody can wait in a replay: the recording alone moves time."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Files of several exchanges, looked through once. first, last: microseconds since 1970."""

    files: Mapping[str, Sequence[RecordingFile]]
    surveys: Mapping[RecordingFile, Survey]
    first: int
    last: int

    def lines(self) -> Iterator[tuple[str, Kind, Line]]:
        """Everything merged by time; at the same microsecond by kind, then by exchange."""
        order = count()
        streams = [
            self._series(exchange, kind, next(order)) for kind in Kind for exchange in sorted(self.files)
        ]
        for _, _, exchange, kind, line in heapq.merge(*streams, key=lambda each: each[:2]):
            yield exchange, kind, line

    def of(self, exchange: str, kind: Kind) -> Iterator[Line]:
        """One exchange's lines of a kind; rotated files follow each other."""
        files = [file for file in self.files.get(exchange, ()) if file.kind is kind]
        return chain.from_iterable(read_lines(file, is_sorted=self.surveys[file].is_sorted) for file in files)

    def _series(self, exchange: str, kind: Kind, rank: int) -> Iterator[tuple[int, int, str, Kind, Line]]:
        return ((line.at, rank, exchange, kind, line) for line in self.of(exchange, kind))

    def damages(self) -> list[str]:
        """Files that end before their end."""
        return [f"{file.path.name}: {look.damage}" for file, look in self.surveys.items() if look.damage]


def open_recording(files: Mapping[str, Sequence[RecordingFile]]) -> Recording | None:
    """Raises TwapError for files that are none of a recording. None: they hold no line of a feed.

    files  by exchange
    """
    surveys = {file: survey(file) for some in files.values() for file in some}
    feeds = [look for file, look in surveys.items() if file.kind is not Kind.SYMBOLS]
    firsts = [look.first for look in feeds if look.first is not None]
    lasts = [look.last for look in feeds if look.last is not None]
    return Recording(files, surveys, min(firsts), max(lasts)) if firsts else None


@dataclass(slots=True)
class Wire:
    """One recorded connection. opened_at: monotonic seconds.

    reason  why it carries nothing any more, or None
    depth   levels a side that were subscribed to, where the exchange confirmed them
    """

    codec: FeedCodec
    pulse: Pulse
    opened_at: float
    reason: str | None = None
    depth: int | None = None
    is_heard: bool = False


@dataclass(slots=True)
class ReplayCounts:
    """What came of one exchange's lines. trouble: the first thing that could not be read."""

    frames: int = 0
    changes: int = 0
    trouble: str | None = None


class ReplayedFeed:
    """Feeds one book from the recorded lines of one exchange, as the feed engine does live.

    A snapshot by HTTP counts when the book has asked for one. A book that asks to be subscribed to anew gets
    what the recorder got: its next snapshot in the stream.
    """

    def __init__(
        self, exchange: Exchange, instrument: Instrument, market: Market, clock: ReplayClock
    ) -> None:
        self.counts = ReplayCounts()
        self._exchange, self._instrument = exchange, instrument
        self._market, self._clock = market, clock
        self._wires: dict[int, Wire] = {}
        self._carrier: Wire | None = None
        self._wanted = False
        self._last_snapshot: tuple[float, Line] | None = None
        self._rules = exchange.rules
        self._book: BookInput = market.open(instrument, self._rules, self._heal)

    def take(self, kind: Kind, line: Line) -> None:
        """The next line in time; the clock shows its moment."""
        match kind, line.ch:
            case Kind.WS, "ws":
                self._frame(line)
            case Kind.WS, "ws_pong":
                self._wire(line.conn).pulse.seen_at = self._clock.monotonic()
            case Kind.SENT, "ws_open":
                self._wires.pop(line.conn, None)
                self._join(self._wire(line.conn))
            case Kind.SENT, "ws_end":
                self._lose(self._wire(line.conn), line.raw or "the connection ended")
            case Kind.HTTP, _ if names_instrument(line.url, self._instrument.native):
                self._last_snapshot = (self._clock.monotonic(), line)
                if self._wanted:
                    self._seed()

    # -- connections

    def _wire(self, number: int) -> Wire:
        wire = self._wires.get(number)
        if wire is None:
            now = self._clock.monotonic()
            wire = self._wires[number] = Wire(self._exchange.codec(), Pulse(now), now)
        return wire

    def _join(self, wire: Wire) -> None:
        """The first connection that is open carries the book, until another one speaks of it."""
        if self._carrier is None:
            self._connect(wire)

    def _connect(self, wire: Wire) -> None:
        rules = self._exchange.rules
        if rules.kept_depth is not None and wire.depth is not None:
            rules = replace(rules, kept_depth=wire.depth)
        if rules != self._rules:
            self._rules = rules
            self._book = self._market.open(self._instrument, rules, self._heal)
        self._carrier, self._wanted = wire, rules.snapshot_by_rest
        self._book.connected(wire.pulse)

    def _move(self, wire: Wire) -> None:
        """Another connection speaks of the book; a snapshot may have come before its first change."""
        self._connect(wire)
        snapshot = self._last_snapshot
        if self._wanted and snapshot is not None and snapshot[0] >= wire.opened_at:
            self._seed()

    def _lose(self, wire: Wire, reason: str) -> None:
        if wire.reason is not None:
            return
        wire.reason = reason
        if self._carrier is wire:
            self._carrier, self._wanted = None, False
            self._book.interrupted(BookState.SYNCING if wire.is_heard else BookState.DOWN, reason)

    # -- frames

    def _frame(self, line: Line) -> None:
        wire = self._wire(line.conn)
        self.counts.frames += 1
        if wire.reason is not None:
            return
        self._join(wire)
        wire.pulse.seen_at, wire.is_heard = self._clock.monotonic(), True
        payload = line.payload
        if self._rules.kept_depth is not None:
            self._note_depth(wire, payload)
        try:
            events = wire.codec.receive(payload)
        except Exception as error:  # noqa: BLE001 a third party's code, too; live it ends the connection
            self._distrust(wire, f"{type(error).__name__}: {error}")
            return
        for event in events:
            if wire.reason is None:
                self._event(wire, event)

    def _note_depth(self, wire: Wire, payload: bytes) -> None:
        depth = confirmed_depth(payload)
        if depth is not None and depth != wire.depth:
            wire.depth = depth
            if self._carrier is wire:
                self._connect(wire)

    def _distrust(self, wire: Wire, reason: str) -> None:
        self.counts.trouble = self.counts.trouble or reason
        self._lose(wire, reason)

    def _event(self, wire: Wire, event: FeedEvent) -> None:
        native = self._instrument.native
        match event:
            case Delta(symbol=symbol) | Snapshot(symbol=symbol) if symbol == native:
                if wire is not self._carrier:
                    self._move(wire)
                self.counts.changes += 1
                if isinstance(event, Delta):
                    self._book.delta(event)
                else:
                    self._book.snapshot(event)
            case Broken(symbol=symbol, reason=reason) if symbol == native:
                self._book.interrupted(BookState.SYNCING, reason)
                self._heal(Cause.MALFORMED, reason)
            case Rejected(symbols=symbols, reason=reason) if native in symbols:
                self._book.interrupted(BookState.DOWN, f"refused: {reason}")
            case Reconnect(reason=reason):
                self._distrust(wire, reason)

    # -- snapshots by HTTP

    def _heal(self, cause: Cause, reason: str) -> None:
        """twap.ports.feed.Healer: the next recorded snapshot is for this book."""
        self._wanted = self._rules.snapshot_by_rest and self._carrier is not None

    def _seed(self) -> None:
        if self._last_snapshot is None:
            return
        body = self._last_snapshot[1].payload
        try:
            snapshot = self._exchange.snapshot(body, self._instrument.native)
        except CodecError as error:
            self.counts.trouble = self.counts.trouble or str(error)
            return
        self._wanted = False  # before the book sees it: it may ask for another one at once
        self._book.snapshot(snapshot)


def names_instrument(url: str, native: str) -> bool:
    """Whether an address asks about this instrument, by a parameter or a part of its path."""
    parts = urlsplit(url)
    return native in parts.path.split("/") or any(value == native for _, value in parse_qsl(parts.query))


class _Confirmed(msgspec.Struct):
    depth: int


class _Confirmation(msgspec.Struct):
    """`{"method": "subscribe", "result": {"channel": "book", "depth": 25, …}, "success": true}`"""

    method: str
    result: _Confirmed


_confirmation = msgspec.json.Decoder(_Confirmation)


def confirmed_depth(frame: bytes) -> int | None:
    """Levels a side, if this frame confirms a subscription to that many."""
    if b'"subscribe"' not in frame:
        return None
    try:
        answer = _confirmation.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return answer.result.depth if answer.method == "subscribe" else None
