"""What Bybit is: addresses, limits, rules, and how its REST answers read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, TypeVar

import msgspec

from twap.plugins.exchanges.bybit.codec import UNREADABLE, BybitCodec, UpdateId
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Endpoints, FeedCodec, Limits, OpenFeed
from twap.ports.market import ZERO, Candle, Instrument, canonical_symbol
from twap.ports.numbers import parse_number
from twap.ports.transport import HttpRequest, Transport

NAME = "Bybit"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

INTERVALS = {
    "1m": ("1", timedelta(minutes=1)),
    "3m": ("3", timedelta(minutes=3)),
    "5m": ("5", timedelta(minutes=5)),
    "15m": ("15", timedelta(minutes=15)),
    "30m": ("30", timedelta(minutes=30)),
    "1h": ("60", timedelta(hours=1)),
    "2h": ("120", timedelta(hours=2)),
    "4h": ("240", timedelta(hours=4)),
    "6h": ("360", timedelta(hours=6)),
    "12h": ("720", timedelta(hours=12)),
    "1d": ("D", timedelta(days=1)),
    "1w": ("W", timedelta(weeks=1)),
    "1M": ("M", timedelta(days=28)),
}
"""Canonical name to Bybit's name and the length."""

T = TypeVar("T")
Name = Annotated[str, msgspec.Meta(min_length=1)]


class Verdict(msgspec.Struct):
    """What every answer begins with; errors come with HTTP status 200."""

    retCode: int  # noqa: N815 - the wire's names
    retMsg: str = ""  # noqa: N815


class Symbols(msgspec.Struct):
    """Entries are read one by one, so that a strange one costs itself alone."""

    list: list[msgspec.Raw]


class SymbolsAnswer(msgspec.Struct):
    result: Symbols


class PriceFilter(msgspec.Struct):
    tickSize: str  # noqa: N815


class LotSizeFilter(msgspec.Struct):
    """Bybit has deprecated `minOrderQty`: orders are bounded by their amount (quote) alone."""

    basePrecision: str  # noqa: N815
    minOrderAmt: str | None = None  # noqa: N815


class Symbol(msgspec.Struct):
    symbol: Name
    baseCoin: Name  # noqa: N815
    quoteCoin: Name  # noqa: N815
    status: str
    priceFilter: PriceFilter  # noqa: N815
    lotSizeFilter: LotSizeFilter  # noqa: N815


class Candles(msgspec.Struct):
    """Rows of [start ms, open, high, low, close, volume, turnover]."""

    list: list[list[str]]


class CandlesAnswer(msgspec.Struct):
    """time: milliseconds, when Bybit answered."""

    result: Candles
    time: int


class Book(msgspec.Struct):
    s: str
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    u: UpdateId
    ts: int


class BookAnswer(msgspec.Struct):
    result: Book


class Bybit:
    """Implements `twap.ports.exchange.Exchange`."""

    def __init__(self) -> None:
        self._verdict = msgspec.json.Decoder(Verdict)
        self._symbols = msgspec.json.Decoder(SymbolsAnswer)
        self._symbol = msgspec.json.Decoder(Symbol)
        self._candles = msgspec.json.Decoder(CandlesAnswer)
        self._book = msgspec.json.Decoder(BookAnswer)

    name = NAME
    endpoints = Endpoints("https://api.bybit.com", "wss://stream.bybit.com")
    rules = BookRules(drops_old=True)
    limits = Limits(
        pongs_are_life=False,
        symbols_per_connection=500,  # their topics must stay below 21,000 characters
        symbols_per_frame=10,
        connects=(500, 300),
        rest=(300, 5),  # of 600: going over bans the address for ten minutes
        keepalive_seconds=20,
    )
    taker_fee = Decimal("0.001")
    intervals: Mapping[str, timedelta] = MappingProxyType(
        {name: length for name, (_, length) in INTERVALS.items()}
    )
    candles_per_request = 1000
    candle_history = None

    def instruments_request(self) -> HttpRequest:
        return HttpRequest("/v5/market/instruments-info", {"category": "spot"})

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        found = (self._instrument(entry) for entry in self._read(self._symbols, body).result.list)
        return [instrument for instrument in found if instrument]

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        query = {
            "category": "spot",
            "symbol": instrument.native,
            "interval": INTERVALS[interval][0],
            "start": str((start - EPOCH) // MILLISECOND),
            "end": str((end - EPOCH) // MILLISECOND - 1),  # inclusive
            "limit": str(self.candles_per_request),
        }
        return HttpRequest("/v5/market/kline", query)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        """A candle is closed if it had ended when Bybit answered."""
        answer = self._read(self._candles, body)
        try:
            answered_at = EPOCH + answer.time * MILLISECOND
            return [_candle(row, interval, answered_at) for row in answer.result.list]
        except (ValueError, OverflowError) as error:
            raise CodecError(f"Bybit sent a candle that can't be read: {error}") from error

    def snapshot_request(self, symbol: str) -> HttpRequest:
        return HttpRequest("/v5/market/orderbook", {"category": "spot", "symbol": symbol, "limit": "1000"})

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        book = self._read(self._book, body).result
        return Snapshot(symbol, book.b, book.a, book.u, book.ts)

    def handshake_request(self) -> HttpRequest | None:
        return None

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        return OpenFeed("/v5/public/spot")

    def codec(self) -> FeedCodec:
        return BybitCodec()

    def transport(self) -> Transport | None:
        return None

    def _read(self, decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
        try:
            verdict = self._verdict.decode(body)
            if verdict.retCode:
                raise CodecError(f"Bybit says: {verdict.retMsg} ({verdict.retCode})")
            return decoder.decode(body)
        except UNREADABLE as error:
            raise CodecError(f"Bybit's answer can't be read: {error}") from error

    def _instrument(self, entry: msgspec.Raw) -> Instrument | None:
        """None for what is not traded, or can't be read."""
        try:
            symbol = self._symbol.decode(entry)
            return _instrument(symbol) if symbol.status == "Trading" else None
        except UNREADABLE:
            return None


def _instrument(symbol: Symbol) -> Instrument | None:
    """Raises ValueError where a size is no number."""
    instrument = Instrument(
        exchange=NAME,
        symbol=canonical_symbol(symbol.baseCoin + symbol.quoteCoin),
        native=symbol.symbol,
        base=symbol.baseCoin,
        quote=symbol.quoteCoin,
        tick_size=_number(symbol.priceFilter.tickSize),
        lot_size=_number(symbol.lotSizeFilter.basePrecision),
        min_notional=_number(symbol.lotSizeFilter.minOrderAmt or "0"),
    )
    return instrument if instrument.tick_size > ZERO and instrument.lot_size > ZERO else None


def _candle(row: list[str], interval: str, answered_at: datetime) -> Candle:
    """Raises ValueError or OverflowError."""
    start, first, high, low, last, volume = (_number(text) for text in row[:6])
    open_at = EPOCH + int(start) * MILLISECOND
    closed = _end(open_at, interval) <= answered_at
    return Candle(open_at, first, high, low, last, volume, closed)


def _end(open_at: datetime, interval: str) -> datetime:
    """Months have different lengths: 32 days after the first of a month is always in the next one."""
    if interval == "1M":
        return (open_at.replace(day=1) + timedelta(days=32)).replace(day=1)
    return open_at + INTERVALS[interval][1]


def _number(text: str) -> Decimal:
    """Not negative, exact, without trailing zeros. Raises ValueError."""
    number = parse_number(text)
    if number < ZERO:
        raise ValueError(f"negative: {text}")
    return number
