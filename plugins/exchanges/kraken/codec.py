"""Kraken's WebSocket API v2, channel `book`: docs.kraken.com/api/docs/websocket-v2/book

Books have no sequence numbers. Every snapshot and update carries a CRC32 of the ten best levels a side after
it, so that checksum is what the sequence of an event is here, too.

Prices and quantities are bare JSON numbers whose trailing zeros count in the checksum, and which may be
written with an exponent (`1e-08`). They are kept as the text of the frame: exact, and of the ways that are
exact the fastest.
"""

import re
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, FeedEvent, Ignored, Rejected, Snapshot, Subscribed
from twap.ports.numbers import plain

DEPTH = 500
"""Levels a side that are subscribed to, of 10, 25, 100, 500 and 1000: about what other exchanges stream, deep
enough for large slices, and half the snapshot and traffic of 1000."""


_SCIENTIFIC = re.compile(r"[0-9]{1,32}(\.[0-9]{1,32})?[eE][+-]?[0-9]{1,2}", re.ASCII)


class _Level(msgspec.Struct, gc=False):
    """Numbers with a point or an exponent come as their text, whole ones as integers."""

    price: Any
    qty: Any


class _Book(msgspec.Struct, gc=False):
    symbol: Annotated[str, msgspec.Meta(min_length=1)]
    bids: list[_Level]
    asks: list[_Level]
    checksum: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = None
    timestamp: str | None = None


class _BookFrame(msgspec.Struct, tag_field="channel", tag="book", gc=False):
    type: Literal["snapshot", "update"]
    data: list[_Book]


class _Result(msgspec.Struct):
    symbol: str | None = None


class _Answer(msgspec.Struct):
    """Of a subscription: one for each symbol of the request."""

    success: bool
    result: _Result | None = None
    symbol: str | None = None
    error: str | None = None
    req_id: int | None = None


_decode_book = msgspec.json.Decoder(_BookFrame, float_hook=str).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


def level_digest(price: str, quantity: str) -> str:
    """The digits of both, without the point and leading zeros."""
    return price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")


def combine(bids: Sequence[str], asks: Sequence[str]) -> int:
    """CRC32 (unsigned) over ten asks, then ten bids. docs.kraken.com/api/docs/guides/spot-ws-book-v2"""
    return zlib.crc32("".join([*asks, *bids]).encode())


class KrakenCodec:
    """One connection. Remembers which subscriptions have no answer yet, and by which request they went."""

    def __init__(self) -> None:
        self._pending: dict[str, int] = {}
        self._requests = 0

    def opened(self) -> Sequence[str]:
        return ()

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        frame = self._request("subscribe", symbols, {"snapshot": True})
        self._pending.update(dict.fromkeys(symbols, self._requests))
        return [frame]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        for symbol in symbols:
            self._pending.pop(symbol, None)
        return [self._request("unsubscribe", symbols, {})]

    def probe(self) -> str:
        return '{"method":"ping"}'

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        try:
            books = _decode_book(frame)
        except msgspec.ValidationError as reason:
            return self._receive_other(frame, str(reason))
        except (ValueError, RecursionError) as error:
            raise CodecError(f"not a Kraken frame: {error}") from error
        read, data = _snapshot if books.type == "snapshot" else _delta, books.data
        if len(data) == 1:  # as nearly always
            return [read(data[0])]
        return [read(book) for book in data] or [Ignored("book without data")]

    def _request(self, method: str, symbols: Sequence[str], more: dict[str, Any]) -> str:
        self._requests += 1
        params = {"channel": "book", "symbol": list(symbols), "depth": DEPTH, **more}
        request = {"method": method, "params": params, "req_id": self._requests}
        return msgspec.json.encode(request).decode()

    def _receive_other(self, frame: bytes, reason: str) -> Sequence[FeedEvent]:
        """All but well-formed books. `reason` says why it is none."""
        try:
            message = msgspec.json.decode(frame)
            match message:
                case {"channel": "heartbeat" | "status"} | {"method": "pong"}:
                    return [Alive()]
                case {"channel": "book", "data": [*books]}:
                    return _broken(books, reason)
                case {"method": "subscribe"}:
                    return [self._answered(_decode_answer(frame))]
                case {"channel": str(what)} | {"method": str(what)} | {"error": str(what)} if what != "book":
                    return [Ignored(what[:200])]
                case {**fields} if fields and not fields.keys() & {"channel", "method", "error"}:
                    return [Ignored("unknown frame")]
        except (ValueError, RecursionError) as error:
            raise CodecError(f"not a Kraken frame: {error}") from error
        raise CodecError(f"not a Kraken frame: {reason}")

    def _answered(self, answer: _Answer) -> FeedEvent:
        symbol = answer.symbol or (answer.result and answer.result.symbol)
        symbols = [symbol] if symbol else self._unanswered(answer)
        if not symbols:
            return Ignored(f"answer to no subscription: {(answer.error or '')[:200]}")
        for each in symbols:
            self._pending.pop(each, None)
        if answer.success:
            return Subscribed(symbols)
        return Rejected(symbols, answer.error or "no reason given")

    def _unanswered(self, answer: _Answer) -> list[str]:
        """Whom an answer without a symbol is about: whom its text names, else its whole request."""
        words = (answer.error or "").split()
        pending = [symbol for symbol, n in self._pending.items() if answer.req_id in (None, n)]
        return [symbol for symbol in pending if symbol in words] or pending


def _snapshot(book: _Book) -> FeedEvent:
    return Snapshot(
        book.symbol, _texts(book.bids), _texts(book.asks), book.checksum or 0, book.timestamp, book.checksum
    )


def _delta(book: _Book) -> FeedEvent:
    sequence, bids, asks = book.checksum or 0, book.bids, book.asks
    # Nearly all messages change one side alone.
    return Delta(
        book.symbol,
        sequence,
        sequence,
        _texts(bids) if bids else [],
        _texts(asks) if asks else [],
        book.timestamp,
        book.checksum,
    )


def _texts(levels: list[_Level]) -> list[tuple[str, str]]:
    """Numbers as they were written, but without an exponent. What is no number is refused by the book, like
    any other odd text."""
    texts = []
    for level in levels:
        price, quantity = f"{level.price}", f"{level.qty}"
        if "e" in price or "e" in quantity or "E" in price or "E" in quantity:
            price, quantity = _written_out(price), _written_out(quantity)
        texts.append((price, quantity))
    return texts


def _written_out(number: str) -> str:
    return plain(Decimal(number)) if _SCIENTIFIC.fullmatch(number) else number


def _broken(books: list[Any], reason: str) -> Sequence[FeedEvent]:
    """Every book that a damaged frame names; the sound ones too, as their changes were not applied."""
    symbols = {
        book["symbol"]: None for book in books if isinstance(book, dict) and _is_name(book.get("symbol"))
    }
    if not symbols:
        raise CodecError(f"a book frame that names no symbol: {reason}")
    return [Broken(symbol, reason) for symbol in symbols]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""
