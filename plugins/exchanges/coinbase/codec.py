"""One Coinbase Advanced Trade connection: the channels `level2` (its frames say `l2_data`) and `heartbeats`.

`sequence_num` counts every frame of the connection, acknowledgements and heartbeats too, from 0. So a number
that is left out puts every book of the connection in doubt, whatever the frame that comes next is about.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from twap.ports.errors import CodecError
from twap.ports.events import (
    Alive,
    Broken,
    Delta,
    FeedEvent,
    Ignored,
    Reconnect,
    Rejected,
    Snapshot,
    Subscribed,
)

UNREADABLE = (ValueError, RecursionError)
"""What msgspec raises for damaged bytes: its own errors and UnicodeDecodeError are ValueErrors."""

_LOST = -1
"""In the place of the next number, once one was missing: no frame of this connection counts any more."""


class Level(msgspec.Struct, gc=False):
    """new_quantity: what is there now, not the difference; 0 removes the level."""

    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class BookEvent(msgspec.Struct, gc=False):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[Level]


class Books(msgspec.Struct, tag_field="channel", tag="l2_data", gc=False):
    """timestamp: ISO 8601."""

    sequence_num: int
    events: list[BookEvent]
    timestamp: str | None = None


class Heartbeat(msgspec.Struct, tag_field="channel", tag="heartbeats"):
    sequence_num: int


class Subscription(msgspec.Struct):
    """Product ids by channel."""

    subscriptions: dict[str, list[str]]


class Subscriptions(msgspec.Struct, tag_field="channel", tag="subscriptions"):
    """All that the connection is subscribed to now."""

    sequence_num: int
    events: list[Subscription]


class OddFrame(msgspec.Struct):
    """An error, a frame of another channel, or a damaged one: its events are left as they came."""

    channel: str = ""
    type: str = ""
    message: str = ""
    sequence_num: int | None = None
    events: list[msgspec.Raw] = []
    timestamp: str | None = None


class Named(msgspec.Struct):
    product_id: str


_FRAME = msgspec.json.Decoder(Books | Heartbeat | Subscriptions)
_ODD_FRAME = msgspec.json.Decoder(OddFrame)
_BOOK_EVENT = msgspec.json.Decoder(BookEvent)
_NAMED = msgspec.json.Decoder(Named)


class CoinbaseCodec:
    def __init__(self) -> None:
        self._next = 0
        self._confirmed: frozenset[str] = frozenset()

    def opened(self) -> Sequence[str]:
        """Heartbeats come every second; without them a quiet channel is closed after 60 to 90 seconds."""
        return [_text({"type": "subscribe", "channel": "heartbeats"})]

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [_text({"type": "subscribe", "product_ids": list(symbols), "channel": "level2"})]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [_text({"type": "unsubscribe", "product_ids": list(symbols), "channel": "level2"})]

    def probe(self) -> None:
        """Coinbase has no ping of its own; its heartbeats are the sign of life."""
        return

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        try:
            message = _FRAME.decode(frame)
        except UNREADABLE as error:
            return self._odd(frame, str(error))
        number = message.sequence_num
        if number != self._next:
            return [self._gap(number)]
        self._next += 1
        if type(message) is Books:
            events = message.events
            if len(events) == 1:  # as nearly always
                return [_book(events[0], number, message.timestamp)]
            return [_book(event, number, message.timestamp) for event in events]
        if isinstance(message, Subscriptions):
            return [self._confirm(message)]
        return [Alive()]

    def _gap(self, found: int) -> Reconnect:
        if self._next == _LOST:
            return Reconnect("frames were missed earlier on this connection")
        expected, self._next = self._next, _LOST
        return Reconnect(f"frame {found} came where {expected} was due")

    def _confirm(self, message: Subscriptions) -> FeedEvent:
        named = [product for event in message.events for product in event.subscriptions.get("level2", [])]
        fresh = [product for product in dict.fromkeys(named) if product not in self._confirmed]
        self._confirmed = frozenset(named)
        return Subscribed(fresh) if fresh else Alive()

    def _odd(self, frame: bytes, problem: str) -> Sequence[FeedEvent]:
        """A frame that is none of the expected ones. It counts like any other, if it has a number."""
        try:
            message = _ODD_FRAME.decode(frame)
        except UNREADABLE as error:
            raise CodecError(f"not a Coinbase frame: {error}") from error
        number = message.sequence_num
        if number is not None:
            if number != self._next:
                return [self._gap(number)]
            self._next += 1
        if message.type == "error":
            return [Rejected((), message.message or "no reason given")]
        if message.channel == "l2_data" and number is not None:
            return [_salvage(event, number, message.timestamp) for event in message.events]
        if message.channel in ("l2_data", "heartbeats", "subscriptions"):
            raise CodecError(f"a damaged frame of {message.channel}: {problem}")
        return [Ignored(message.channel or message.type or "a frame without a channel")]


def _book(event: BookEvent, sequence: int, time: str | None) -> FeedEvent:
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []
    for level in event.updates:
        side = bids if level.side == "bid" else asks
        side.append((level.price_level, level.new_quantity))
    if event.type == "snapshot":
        return Snapshot(event.product_id, bids, asks, sequence, time)
    if not event.updates:
        return Alive()
    return Delta(event.product_id, sequence, sequence, bids, asks, time)


def _salvage(event: msgspec.Raw, sequence: int, time: str | None) -> FeedEvent:
    """One event of a frame that is damaged somewhere: the damage stays with the product it concerns."""
    try:
        return _book(_BOOK_EVENT.decode(event), sequence, time)
    except UNREADABLE as error:
        problem = str(error)
    try:
        return Broken(_NAMED.decode(event).product_id, f"an event that can't be read: {problem}")
    except UNREADABLE as error:
        raise CodecError(f"a damaged book of no known product: {problem}") from error


def _text(request: dict[str, str | list[str]]) -> str:
    return msgspec.json.encode(request).decode()
