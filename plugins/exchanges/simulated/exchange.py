"""What the simulated market is, and how its answers read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

import msgspec

from twap.plugins.exchanges.simulated.codec import SimulatedCodec
from twap.plugins.exchanges.simulated.protocol import UNREADABLE, BookSnapshot, CandleRow, Pair, Refusal
from twap.plugins.exchanges.simulated.transport import MAX_CANDLES, SimulatedTransport
from twap.plugins.exchanges.simulated.venue import EPOCH, STEP, Venue, step_at
from twap.ports.clock import Clock
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Endpoints, FeedCodec, Limits, OpenFeed
from twap.ports.market import Candle, Instrument
from twap.ports.numbers import parse_number
from twap.ports.transport import HttpRequest, Transport

NAME = "Simulated"

T = TypeVar("T")


class Simulated:
    """Implements `twap.ports.exchange.Exchange`. The same seed and clock show the same market."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._seed = seed

    name = NAME
    endpoints = Endpoints("simulated://market", "simulated://market")
    rules = BookRules(drops_old=True)
    limits = Limits(symbols_per_connection=50, frames_per_second=50, connects=(1000, 10), rest=(1000, 10))
    taker_fee = Decimal("0.001")
    intervals: Mapping[str, timedelta] = MappingProxyType(
        {
            "1m": timedelta(minutes=1),
            "5m": timedelta(minutes=5),
            "15m": timedelta(minutes=15),
            "1h": timedelta(hours=1),
            "4h": timedelta(hours=4),
            "1d": timedelta(days=1),
        }
    )
    candles_per_request = MAX_CANDLES
    candle_history = None

    def instruments_request(self) -> HttpRequest:
        return HttpRequest("/instruments")

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        return [_instrument(pair) for pair in _read(body, list[Pair])]

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        query = {
            "symbol": instrument.native,
            "steps": str(self.intervals[interval] // STEP),
            "start": str(step_at(start)),
            "end": str(step_at(end)),
        }
        return HttpRequest("/candles", query)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        return [_candle(row) for row in _read(body, list[CandleRow])]

    def snapshot_request(self, symbol: str) -> HttpRequest:
        return HttpRequest("/book", {"symbol": symbol})

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        book = _read(body, BookSnapshot)
        return Snapshot(symbol, book.bids, book.asks, book.step, book.time)

    def handshake_request(self) -> HttpRequest | None:
        return None

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        return OpenFeed("/feed")

    def codec(self) -> FeedCodec:
        return SimulatedCodec()

    def transport(self) -> Transport | None:
        return SimulatedTransport(Venue(self._seed), self._clock)


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE as error:
        try:
            refusal = msgspec.json.decode(body, type=Refusal)
        except UNREADABLE:
            raise CodecError(f"the simulated market's answer can't be read: {error}") from error
        raise CodecError(f"the simulated market says: {refusal.error}") from error


def _instrument(pair: Pair) -> Instrument:
    sizes = [_number(text) for text in (pair.tick_size, pair.lot_size, "0", pair.min_notional)]
    return Instrument(NAME, pair.symbol, pair.symbol, pair.base, pair.quote, *sizes)


def _candle(row: CandleRow) -> Candle:
    try:
        open_at = EPOCH + timedelta(milliseconds=row.time)
    except OverflowError as error:
        raise CodecError(f"the simulated market sent a candle of no time: {row.time}") from error
    first, high, low, last, volume = map(_number, (row.open, row.high, row.low, row.close, row.volume))
    return Candle(open_at, first, high, low, last, volume, row.closed)


def _number(text: str) -> Decimal:
    try:
        return parse_number(text)
    except ValueError as error:
        raise CodecError(f"the simulated market sent no number: {error}") from error
