"""OKX's REST API v5, and the data of its feed: www.okx.com/docs-v5/en"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec

from twap.plugins.exchanges.okx.codec import OKXCodec, combine, level_digest
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Checksum, Endpoints, Limits, OpenFeed
from twap.ports.market import ZERO, Candle, Instrument
from twap.ports.numbers import canonical, parse_plain
from twap.ports.transport import HttpRequest, Transport

BARS = {
    "1m": ("1m", timedelta(minutes=1)),
    "3m": ("3m", timedelta(minutes=3)),
    "5m": ("5m", timedelta(minutes=5)),
    "15m": ("15m", timedelta(minutes=15)),
    "30m": ("30m", timedelta(minutes=30)),
    "1h": ("1H", timedelta(hours=1)),
    "2h": ("2H", timedelta(hours=2)),
    "4h": ("4H", timedelta(hours=4)),
    "6h": ("6Hutc", timedelta(hours=6)),
    "12h": ("12Hutc", timedelta(hours=12)),
    "1d": ("1Dutc", timedelta(days=1)),
    "1w": ("1Wutc", timedelta(weeks=1)),
    "1M": ("1Mutc", timedelta(days=28)),
}
"""OKX's names and lengths. Without `utc`, bars of six hours and more begin with the day in Hong Kong."""


class _Answer(msgspec.Struct):
    """code: text or number, 0 for success."""

    code: str | int
    msg: str | None = None
    data: list[msgspec.Raw] = []


_Name = Annotated[str, msgspec.Meta(min_length=1)]


class _Pair(msgspec.Struct, rename="camel"):
    inst_id: _Name
    inst_type: str
    base_ccy: _Name
    quote_ccy: _Name
    tick_sz: str
    lot_sz: str
    state: str
    min_sz: str | None = None


class _Row(msgspec.Struct, array_like=True):
    """ts: milliseconds, as text."""

    ts: Annotated[int, msgspec.Meta(ge=0, lt=2**45)]
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str
    usd_volume: str
    confirm: str


class OKX:
    name = "OKX"
    endpoints = Endpoints(rest="https://www.okx.com", ws="wss://ws.okx.com:8443")
    # A chain: an update must follow the very one it names. Levels that leave the window of 400 are deleted
    # by the exchange, and their successors are sent.
    rules = BookRules(checksum=Checksum(25, level_digest, combine))
    # Requests to subscribe and unsubscribe are few and large, as they are limited on each connection.
    limits = Limits(
        pongs_are_life=False,
        symbols_per_connection=100,
        symbols_per_frame=50,
        frames_per_second=2,
        requests_per_connection=(460, 3600),  # of 480
        connects=(3, 1),
        rest=(20, 2),
        keepalive_seconds=20,  # silence of 30 s ends a connection: whose, OKX does not say
    )
    taker_fee = Decimal("0.001")
    """0.10 %: regular users, level 1 of the public fee schedule for spot; settings may say otherwise."""
    intervals: Mapping[str, timedelta] = {name: length for name, (_, length) in BARS.items()}
    candles_per_request = 100
    candle_history = None

    def instruments_request(self) -> HttpRequest:
        return HttpRequest("/api/v5/public/instruments", {"instType": "SPOT"})

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        found = (self._instrument(raw) for raw in _data(body))
        return [instrument for instrument in found if instrument]

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        """Of the history; `market/candles` has the last 1440 bars, and the one that still runs.

        `before` and `after` are cursors: newer and older than, both exclusive.
        """
        bar, _ = BARS[interval]
        query = {
            "instId": instrument.native,
            "bar": bar,
            "before": str(_milliseconds(start) - 1),
            "after": str(_milliseconds(end)),
            "limit": str(self.candles_per_request),
        }
        recent = HttpRequest("/api/v5/market/candles", query)
        return HttpRequest("/api/v5/market/history-candles", query, beside=recent)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        """Newest first."""
        try:
            return [_candle(msgspec.json.decode(raw, type=_Row, strict=False)) for raw in _data(body)]
        except (ValueError, RecursionError) as error:
            raise CodecError(f"not OKX candles: {error}") from error

    def snapshot_request(self, symbol: str) -> HttpRequest:
        raise CodecError("OKX sends its snapshots in the feed")

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        raise CodecError("OKX sends its snapshots in the feed")

    def handshake_request(self) -> HttpRequest | None:
        return None

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        return OpenFeed("/ws/v5/public")

    def codec(self) -> OKXCodec:
        return OKXCodec()

    def transport(self) -> Transport | None:
        return None

    def _instrument(self, raw: msgspec.Raw) -> Instrument | None:
        """None: not tradable, or not to be read."""
        try:
            pair = msgspec.json.decode(raw, type=_Pair)
            if pair.state != "live" or pair.inst_type != "SPOT":
                return None
            tick_size, lot_size, min_quantity = (
                canonical(parse_plain(text)) for text in (pair.tick_sz, pair.lot_sz, pair.min_sz or "0")
            )
        except (ValueError, RecursionError):
            return None
        if tick_size <= ZERO or lot_size <= ZERO or min_quantity < ZERO:
            return None
        return Instrument(
            exchange=self.name,
            symbol=(pair.base_ccy + pair.quote_ccy).upper(),
            native=pair.inst_id,
            base=pair.base_ccy,
            quote=pair.quote_ccy,
            tick_size=tick_size,
            lot_size=lot_size,
            min_quantity=min_quantity,
        )


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _data(body: bytes) -> list[msgspec.Raw]:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not an OKX answer: {error}") from error
    if str(answer.code) != "0":
        raise CodecError(f"{answer.code} {answer.msg or ''}"[:200])
    return answer.data


def _candle(row: _Row) -> Candle:
    """Raises ValueError."""
    opened = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=row.ts)
    texts = (row.open, row.high, row.low, row.close, row.volume)
    open_, high, low, close, volume = (canonical(parse_plain(text)) for text in texts)
    return Candle(opened, open_, high, low, close, volume, closed=row.confirm == "1")
