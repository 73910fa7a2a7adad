"""Kraken's REST API, and the data of its feed: docs.kraken.com/api/docs/rest-api

Kraken has several names for a pair. The WebSocket's (`BTC/USD`) is our native id. The REST API takes its
own old codes for two currencies instead, without a slash (`XBTUSD`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec

from twap.plugins.exchanges.kraken.codec import DEPTH, KrakenCodec, combine, level_digest
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Checksum, Endpoints, Limits, OpenFeed
from twap.ports.market import ZERO, Candle, Instrument
from twap.ports.numbers import canonical, parse_number, parse_plain
from twap.ports.transport import HttpRequest, Transport

MODERN = {"XBT": "BTC", "XDG": "DOGE"}
OLD = {modern: old for old, modern in MODERN.items()}

MINUTES = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "4h": 240,
    "1d": 1440,
    "1w": 10080,
    "15d": 21600,
}


Places = Annotated[int, msgspec.Meta(ge=0, le=18)]
"""Digits after the point."""


class _Answer(msgspec.Struct):
    error: list[str]
    result: dict[str, msgspec.Raw] = {}


class _Pair(msgspec.Struct):
    wsname: str
    aclass_base: str
    lot_decimals: Places
    tick_size: str | None = None
    pair_decimals: Places | None = None
    status: str = "online"
    ordermin: str | None = None
    costmin: str | None = None

    @property
    def tick(self) -> Decimal:
        """Older answers give the decimals of a price alone. Raises ValueError."""
        if self.tick_size is None and self.pair_decimals is not None:
            return canonical(Decimal(1).scaleb(-self.pair_decimals))
        return canonical(parse_number(self.tick_size or ""))


class _Row(msgspec.Struct, array_like=True):
    time: Annotated[int, msgspec.Meta(ge=0, lt=2**35)]
    open: str
    high: str
    low: str
    close: str
    vwap: str
    volume: str


class Kraken:
    name = "Kraken"
    endpoints = Endpoints(rest="https://api.kraken.com", ws="wss://ws.kraken.com")
    rules = BookRules(contiguous=False, kept_depth=DEPTH, checksum=Checksum(10, level_digest, combine))
    # The server answers each symbol of a request by itself and takes about 20 of them a second.
    limits = Limits(
        pongs_are_life=False,
        symbols_per_frame=10,
        frames_per_second=2,
        connects=(150, 600),
        rest=(1, 1),
        keepalive_seconds=30,  # a client that says nothing for about a minute may be taken for gone
    )
    taker_fee = Decimal("0.004")
    """0.40 %: the first step of the public fee schedule for spot; settings may say otherwise."""
    intervals: Mapping[str, timedelta] = {name: timedelta(minutes=m) for name, m in MINUTES.items()}
    candles_per_request = 720
    candle_history = 720

    def instruments_request(self) -> HttpRequest:
        return HttpRequest("/0/public/AssetPairs")

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        """Pairs of currencies. Tokenized shares are left out: each request would have to name their class."""
        found = (self._instrument(raw) for raw in _result(body).values())
        return [instrument for instrument in found if instrument]

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        """`since` alone bounds the answer: what follows it, of the last 720."""
        query = {
            "pair": rest_pair(instrument.native),
            "interval": str(MINUTES[interval]),
            "since": str(int(start.timestamp()) - 1),
        }
        return HttpRequest("/0/public/OHLC", query)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        """The rows stand under Kraken's long name of the pair; `last` is the time of the last closed one."""
        result = _result(body)
        try:
            last = msgspec.json.decode(result.pop("last"), type=int)
            (rows,) = result.values()
            return [_candle(row, last) for row in msgspec.json.decode(rows, type=list[_Row])]
        except (KeyError, ValueError, RecursionError) as error:
            raise CodecError(f"not Kraken candles: {error}") from error

    def snapshot_request(self, symbol: str) -> HttpRequest:
        raise CodecError("Kraken sends its snapshots in the feed")

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        raise CodecError("Kraken sends its snapshots in the feed")

    def handshake_request(self) -> HttpRequest | None:
        return None

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        return OpenFeed("/v2")

    def codec(self) -> KrakenCodec:
        return KrakenCodec()

    def transport(self) -> Transport | None:
        return None

    def _instrument(self, raw: msgspec.Raw) -> Instrument | None:
        """None: not tradable, no pair of currencies, or not to be read."""
        try:
            pair = msgspec.json.decode(raw, type=_Pair)
            old_base, old_quote = pair.wsname.split("/")
            base, quote = MODERN.get(old_base, old_base), MODERN.get(old_quote, old_quote)
            tick_size = pair.tick
            min_quantity, min_notional = (
                canonical(parse_number(bound or "0")) for bound in (pair.ordermin, pair.costmin)
            )
        except (ValueError, RecursionError):
            return None
        if pair.status != "online" or pair.aclass_base != "currency" or not (base and quote):
            return None
        if tick_size <= ZERO or min_quantity < ZERO or min_notional < ZERO:
            return None
        return Instrument(
            exchange=self.name,
            symbol=(base + quote).upper(),
            native=f"{base}/{quote}",
            base=base,
            quote=quote,
            tick_size=tick_size,
            lot_size=canonical(Decimal(1).scaleb(-pair.lot_decimals)),
            min_quantity=min_quantity,
            min_notional=min_notional,
        )


def rest_pair(native: str) -> str:
    """`BTC/USD` as the REST API calls it: `XBTUSD`."""
    return "".join(OLD.get(currency, currency) for currency in native.split("/"))


def _result(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not a Kraken answer: {error}") from error
    if answer.error:
        raise CodecError("; ".join(answer.error)[:200])
    return answer.result


def _candle(row: _Row, last: int) -> Candle:
    """Raises ValueError."""
    opened = datetime.fromtimestamp(row.time, UTC)
    texts = (row.open, row.high, row.low, row.close, row.volume)
    open_, high, low, close, volume = (canonical(parse_plain(text)) for text in texts)
    return Candle(opened, open_, high, low, close, volume, closed=row.time <= last)
