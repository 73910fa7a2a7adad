"""What Binance is: addresses, limits, rules, and how its REST answers read. Source: `rest-api.md`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import msgspec

from twap.plugins.exchanges.binance.codec import UNREADABLE, BinanceCodec, UpdateId
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Endpoints, FeedCodec, Limits, OpenFeed
from twap.ports.market import ZERO, Candle, Instrument, canonical_symbol
from twap.ports.numbers import parse_number
from twap.ports.transport import HttpRequest, Transport

NAME = "Binance"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SNAPSHOT_LEVELS = 1000
"""A side. The touch soon leaves a seed of 100; 5000 would cost five times the request weight."""

T = TypeVar("T")
Name = Annotated[str, msgspec.Meta(min_length=1)]


class Refusal(msgspec.Struct):
    """How REST says no."""

    code: int
    msg: str


class Symbols(msgspec.Struct):
    """Of `exchangeInfo`; entries are read one by one, so that a strange one costs itself alone."""

    symbols: list[msgspec.Raw]


class Symbol(msgspec.Struct):
    """permissions: the older form; permissionSets: empty where the request asked to leave it out."""

    symbol: Name
    status: str
    baseAsset: Name  # noqa: N815 - the wire's names
    quoteAsset: Name  # noqa: N815
    filters: list[dict[str, Any]]
    isSpotTradingAllowed: bool | None = None  # noqa: N815
    permissions: list[str] = []
    permissionSets: list[list[str]] = []  # noqa: N815

    @property
    def tradable(self) -> bool:
        if self.status != "TRADING" or self.isSpotTradingAllowed is not None:
            return self.status == "TRADING" and self.isSpotTradingAllowed is True
        granted = {*self.permissions, *(name for names in self.permissionSets for name in names)}
        return not granted or "SPOT" in granted


class Book(msgspec.Struct):
    lastUpdateId: UpdateId  # noqa: N815
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class Binance:
    """Implements `twap.ports.exchange.Exchange`."""

    def __init__(self) -> None:
        self._symbols = msgspec.json.Decoder(Symbols)
        self._symbol = msgspec.json.Decoder(Symbol)
        self._candles = msgspec.json.Decoder(list[list[int | str]])
        self._book = msgspec.json.Decoder(Book)
        self._refusal = msgspec.json.Decoder(Refusal)

    name = NAME
    endpoints = Endpoints("https://api.binance.com", "wss://stream.binance.com:9443")
    rules = BookRules(snapshot_by_rest=True, drops_old=True, seed_depth=SNAPSHOT_LEVELS, refill_below=100)
    limits = Limits(
        symbols_per_connection=500,  # of 1024 streams
        symbols_per_frame=100,
        frames_per_second=4,  # of 5: the pongs that answer Binance's pings count too
        connects=(300, 300),
        rest=(6000, 60),
        max_life_seconds=23.5 * 3600,  # of 24 h
    )
    taker_fee = Decimal("0.001")
    intervals: Mapping[str, timedelta] = MappingProxyType(
        {
            "1s": timedelta(seconds=1),
            "1m": timedelta(minutes=1),
            "3m": timedelta(minutes=3),
            "5m": timedelta(minutes=5),
            "15m": timedelta(minutes=15),
            "30m": timedelta(minutes=30),
            "1h": timedelta(hours=1),
            "2h": timedelta(hours=2),
            "4h": timedelta(hours=4),
            "6h": timedelta(hours=6),
            "8h": timedelta(hours=8),
            "12h": timedelta(hours=12),
            "1d": timedelta(days=1),
            "3d": timedelta(days=3),
            "1w": timedelta(weeks=1),
            "1M": timedelta(days=28),
        }
    )
    candles_per_request = 1000
    candle_history = None

    def instruments_request(self) -> HttpRequest:
        query = {"permissions": "SPOT", "showPermissionSets": "false", "symbolStatus": "TRADING"}
        return HttpRequest("/api/v3/exchangeInfo", query, weight=20)

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        found = (self._instrument(entry) for entry in self._read(self._symbols, body).symbols)
        return [instrument for instrument in found if instrument]

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        query = {
            "symbol": instrument.native,
            "interval": interval,
            "startTime": str((start - EPOCH) // MILLISECOND),
            "endTime": str((end - EPOCH) // MILLISECOND - 1),  # inclusive
            "limit": str(self.candles_per_request),
        }
        return HttpRequest("/api/v3/klines", query, weight=2)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        """Nothing in the answer tells whether the last candle is still running, so all are said to be closed:
        the caller, who has a clock, knows better."""
        return [_candle(row) for row in self._read(self._candles, body)]

    def snapshot_request(self, symbol: str) -> HttpRequest:
        return HttpRequest("/api/v3/depth", {"symbol": symbol, "limit": str(SNAPSHOT_LEVELS)}, weight=50)

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        book = self._read(self._book, body)
        return Snapshot(symbol, book.bids, book.asks, book.lastUpdateId)

    def handshake_request(self) -> HttpRequest | None:
        return None

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        return OpenFeed("/ws")

    def codec(self) -> FeedCodec:
        return BinanceCodec()

    def transport(self) -> Transport | None:
        return None

    def _read(self, decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
        try:
            return decoder.decode(body)
        except UNREADABLE as error:
            try:
                refusal = self._refusal.decode(body)
            except UNREADABLE:
                raise CodecError(f"Binance's answer can't be read: {error}") from error
            raise CodecError(f"Binance says: {refusal.msg} ({refusal.code})") from error

    def _instrument(self, entry: msgspec.Raw) -> Instrument | None:
        """None for what is not traded on the spot market, or can't be read."""
        try:
            symbol = self._symbol.decode(entry)
            return _instrument(symbol) if symbol.tradable else None
        except (*UNREADABLE, LookupError):
            return None


def _instrument(symbol: Symbol) -> Instrument | None:
    """Raises ValueError or LookupError where a size is missing or no number."""
    filters = {each["filterType"]: each for each in symbol.filters}
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    lot = filters["LOT_SIZE"]
    instrument = Instrument(
        exchange=NAME,
        symbol=canonical_symbol(symbol.baseAsset + symbol.quoteAsset),
        native=symbol.symbol,
        base=symbol.baseAsset,
        quote=symbol.quoteAsset,
        tick_size=_number(filters["PRICE_FILTER"]["tickSize"]),
        lot_size=_number(lot["stepSize"]),
        min_quantity=_number(lot.get("minQty") or "0"),
        min_notional=_number(notional.get("minNotional") or "0"),
    )
    return instrument if instrument.tick_size > ZERO and instrument.lot_size > ZERO else None


def _candle(row: list[int | str]) -> Candle:
    """From [open time ms, open, high, low, close, volume, close time, …]."""
    try:
        open_ms, *numbers = row[:6]
        first, high, low, last, volume = map(_number, numbers)
        if not isinstance(open_ms, int):
            raise ValueError("the open time is no integer")
        return Candle(EPOCH + open_ms * MILLISECOND, first, high, low, last, volume)
    except (ValueError, OverflowError) as error:
        raise CodecError(f"Binance sent a candle that can't be read: {error}") from error


def _number(text: object) -> Decimal:
    """Not negative, exact, without trailing zeros. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"not a decimal as text: {text!r}")
    number = parse_number(text)
    if number < ZERO:
        raise ValueError(f"negative: {text}")
    return number
