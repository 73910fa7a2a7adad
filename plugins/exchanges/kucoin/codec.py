"""One Kucoin connection: `/market/level2` of the classic spot feed.

Each change of a book carries a sequence of its own; a message covers the sequences `sequenceStart` to
`sequenceEnd`, not in order. Requests are answered by their id, which comes back as text, whatever was sent.
Kucoin speaks first (`welcome`): what it is sent before that may be lost.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, FeedEvent, Ignored, Rejected, Subscribed

TOPIC = "/market/level2:"
_TOPIC_LENGTH = len(TOPIC)
UNREADABLE = (ValueError, RecursionError)
"""What msgspec raises for damaged bytes: its own errors and UnicodeDecodeError are ValueErrors."""

Change = tuple[str, str, str]
"""Price, size and sequence of one change, as text. Price 0: only the sequence moves, no level does."""


class Changes(msgspec.Struct, gc=False):
    bids: list[Change]
    asks: list[Change]


class Update(msgspec.Struct, rename="camel", gc=False):
    """time: milliseconds; missing in messages of old."""

    sequence_start: int
    sequence_end: int
    changes: Changes
    time: int | None = None


class Frame(msgspec.Struct, gc=False):
    """Every frame that is expected, decoded in one pass: only an update of a book has data."""

    type: str
    topic: str = ""
    id: str | int | None = None
    data: Update | None = None


class OddFrame(msgspec.Struct):
    """A frame of another channel, an error, or a damaged update: its data is left as it came."""

    type: str
    topic: str = ""
    subject: str = ""
    id: str | int | None = None
    code: str | int | None = None
    data: msgspec.Raw = msgspec.Raw()


# Sequences may be text, as they are in REST answers.
_decode = msgspec.json.Decoder(Frame, strict=False).decode
_decode_odd = msgspec.json.Decoder(OddFrame).decode


class KucoinCodec:
    def __init__(self) -> None:
        self._last_id = 0
        self._pending: dict[str, Sequence[str]] = {}

    def opened(self) -> Sequence[str]:
        return []

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        request_id = self._next_id()
        self._pending[request_id] = tuple(symbols)
        return [_request(request_id, "subscribe", symbols)]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [_request(self._next_id(), "unsubscribe", symbols)]

    def probe(self) -> str:
        """Kucoin counts JSON pings alone: protocol pings don't keep the connection."""
        return _text({"id": self._next_id(), "type": "ping"})

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        try:
            message = _decode(frame)
        except UNREADABLE as error:
            return [self._odd(frame, str(error))]
        update, topic = message.data, message.topic
        if update is None or message.type != "message" or not topic.startswith(TOPIC):
            return [self._other(message, frame)]
        symbol, first, last = topic[_TOPIC_LENGTH:], update.sequence_start, update.sequence_end
        if first > last:
            return [Broken(symbol, f"an update from sequence {first} back to {last}")]
        bids, asks = update.changes.bids, update.changes.asks
        try:
            # Nearly all messages change one side alone.
            if bids:
                bids = _levels(bids)
            if asks:
                asks = _levels(asks)
        except ValueError as error:
            return [Broken(symbol, f"a change without a sequence: {error}")]
        return [Delta(symbol, first, last, bids, asks, update.time)]

    def _other(self, message: Frame, frame: bytes) -> FeedEvent:
        match message.type:
            case "ack":
                return self._confirmation(message.id)
            case "pong" | "welcome":
                return Alive()
        return self._odd(frame, "it has no data")

    def _confirmation(self, request_id: str | int | None) -> FeedEvent:
        """Kucoin acknowledges symbols that it doesn't know, too; and the end of a subscription."""
        symbols = self._pending.pop(str(request_id), None)
        return Subscribed(symbols) if symbols else Alive()

    def _odd(self, frame: bytes, problem: str) -> FeedEvent:
        try:
            message = _decode_odd(frame)
        except UNREADABLE as error:
            return _untyped(frame, error)
        if message.type == "message" and message.topic.startswith(TOPIC):
            return Broken(message.topic[len(TOPIC) :], f"an update that can't be read: {problem}")
        if message.type == "error":
            return self._refusal(message.id, f"{message.code}: {_readable(message.data)}")
        return Ignored(message.subject or message.topic or message.type)

    def _refusal(self, request_id: str | int | None, reason: str) -> FeedEvent:
        """An error without an id may mean any subscription; one with an unknown id means none of them."""
        if request_id is None:
            return Rejected((), reason)
        symbols = self._pending.pop(str(request_id), None)
        return Rejected(symbols, reason) if symbols else Ignored(f"error {reason}")

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)


def _untyped(frame: bytes, error: Exception) -> FeedEvent:
    """An object without any type is news to us; all else breaks the protocol. Raises CodecError."""
    with suppress(*UNREADABLE):
        message = msgspec.json.decode(frame)
        if isinstance(message, dict) and message and "type" not in message:
            return Ignored("unknown frame")
    raise CodecError(f"not a Kucoin frame: {error}") from error


def _levels(changes: list[Change]) -> list[Change]:
    """Oldest first, so that the newest of several changes of a price has the last word."""
    if len(changes) > 1:
        return [change for change in sorted(changes, key=_sequence) if change[0] != "0"]
    return [] if changes[0][0] == "0" else changes


def _sequence(change: Change) -> int:
    return int(change[2])


def _request(request_id: str, kind: str, symbols: Sequence[str]) -> str:
    return _text(
        {
            "id": request_id,
            "type": kind,
            "topic": TOPIC + ",".join(symbols),
            "privateChannel": False,
            "response": True,
        }
    )


def _text(request: dict[str, str | bool]) -> str:
    return msgspec.json.encode(request).decode()


def _readable(data: msgspec.Raw) -> str:
    return bytes(data)[:200].decode(errors="replace").strip('"')
