"""OKX's public WebSocket v5, channel `books`: www.okx.com/docs-v5/en (Market Data, WS, Order book channel)

Each frame names its own number (`seqId`) and that of the one before it (`prevSeqId`); steps are arbitrary.
Where both are equal nothing changed. Frames without numbers (as before 2023) are counted here.
"""

import re
import zlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated, Any, Literal

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

_NAMED = re.compile(r"instId:([A-Z0-9-]+)")

_Level = Annotated[list[str], msgspec.Meta(min_length=2)]
"""Price, quantity, a zero, number of orders."""


class _Topic(msgspec.Struct, rename="camel", gc=False):
    channel: str
    inst_id: Annotated[str, msgspec.Meta(min_length=1)]


class _Book(msgspec.Struct, rename="camel", gc=False):
    """ts: milliseconds, as text. checksum: always 0 since 2026, which means none."""

    bids: list[_Level]
    asks: list[_Level]
    ts: Annotated[int, msgspec.Meta(ge=0, lt=2**47)] | None = None
    seq_id: int | None = None
    prev_seq_id: int | None = None
    checksum: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)] | None = None


class _BookFrame(msgspec.Struct, gc=False):
    arg: _Topic
    action: Literal["snapshot", "update"]
    data: list[_Book]


_decode_books = msgspec.json.Decoder(_BookFrame, strict=False).decode


def level_digest(price: str, quantity: str) -> str:
    return f"{price}:{quantity}"


def combine(bids: Sequence[str], asks: Sequence[str]) -> int:
    """CRC32 (signed) over 25 levels a side: a bid and an ask in turn, all joined by colons; the longer side
    goes on alone."""
    texts = [text for pair in zip_longest(bids, asks) for text in pair if text]
    unsigned = zlib.crc32(":".join(texts).encode())
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned


class OKXCodec:
    """One connection. Remembers which subscriptions have no answer yet, and counts unnumbered frames."""

    def __init__(self) -> None:
        self._pending: dict[str, None] = {}
        self._counts: dict[str, int] = {}

    def opened(self) -> Sequence[str]:
        return ()

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        self._pending.update(dict.fromkeys(symbols))
        return [_request("subscribe", symbols)]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        for symbol in symbols:
            self._pending.pop(symbol, None)
        return [_request("unsubscribe", symbols)]

    def probe(self) -> str:
        return "ping"

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        if frame == b"pong":
            return [Alive()]
        try:
            books = _decode_books(frame)
        except msgspec.ValidationError as reason:
            return self._receive_other(frame, str(reason))
        except (ValueError, RecursionError) as error:
            raise CodecError(f"not an OKX frame: {error}") from error
        if books.arg.channel != "books":
            return [Ignored(books.arg.channel[:200])]
        symbol = books.arg.inst_id
        if books.action == "snapshot":
            return [self._snapshot(symbol, book) for book in books.data] or [Ignored("books without data")]
        return [self._delta(symbol, book) for book in books.data] or [Ignored("books without data")]

    def _snapshot(self, symbol: str, book: _Book) -> FeedEvent:
        sequence = self._count(symbol) if book.seq_id is None else book.seq_id
        return Snapshot(symbol, book.bids, book.asks, sequence, book.ts, book.checksum or None)

    def _delta(self, symbol: str, book: _Book) -> FeedEvent:
        if book.seq_id is None:
            first = last = self._count(symbol)
        elif book.prev_seq_id is None:
            return Broken(symbol, "an update without prevSeqId")
        else:
            first, last = book.prev_seq_id + 1, book.seq_id
        return Delta(symbol, first, last, book.bids, book.asks, book.ts, book.checksum or None)

    def _count(self, symbol: str) -> int:
        self._counts[symbol] = count = self._counts.get(symbol, 0) + 1
        return count

    def _receive_other(self, frame: bytes, reason: str) -> Sequence[FeedEvent]:
        """All but well-formed books. `reason` says why it is none."""
        try:
            message = msgspec.json.decode(frame)
        except (ValueError, RecursionError) as error:
            raise CodecError(f"not an OKX frame: {error}") from error
        match message:
            case {"event": "subscribe", "arg": {"channel": "books", "instId": str(symbol)}}:
                self._pending.pop(symbol, None)
                return [Subscribed([symbol])]
            case {"event": "error"}:
                return [self._refused(message)]
            case {"event": "notice"}:
                return [Reconnect(_text(message), planned=True)]
            case {"event": str(what)}:
                return [Ignored(what[:200])]
            case {"arg": {"channel": "books", "instId": str(symbol)}, "data": _} if symbol:
                return [Broken(symbol, reason)]
            case {"arg": {"channel": str(what)}} if what != "books":
                return [Ignored(what[:200])]
            case {**fields} if fields and not fields.keys() & {"event", "arg"}:
                return [Ignored("unknown frame")]
        raise CodecError(f"not an OKX frame: {reason}")

    def _refused(self, message: dict[str, Any]) -> FeedEvent:
        """An error often comes without `arg`: then whom its text names, else all that wait."""
        reason = _text(message)
        match message:
            case {"arg": {"instId": str(symbol)}}:
                symbols = [symbol]
            case _:
                named = [symbol for symbol in _NAMED.findall(reason) if symbol in self._pending]
                symbols = named or list(self._pending)
        if not symbols:
            return Ignored(reason)
        for symbol in symbols:
            self._pending.pop(symbol, None)
        return Rejected(symbols, reason)


def _request(op: str, symbols: Sequence[str]) -> str:
    args = [{"channel": "books", "instId": symbol} for symbol in symbols]
    return msgspec.json.encode({"op": op, "args": args}).decode()


def _text(message: dict[str, Any]) -> str:
    return f"{message.get('code', '')} {message.get('msg', '')}".strip()[:200] or "no reason given"
