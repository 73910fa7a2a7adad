"""What Coinbase is: Advanced Trade's addresses, limits and requests, and the rules of its books.

Coinbase's older Exchange API is another one, with other frames; its `level2` asks for a key.
Sources: docs.cdp.coinbase.com (Advanced Trade API) and its AsyncAPI description.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from twap.plugins.exchanges.coinbase import answers
from twap.plugins.exchanges.coinbase.codec import CoinbaseCodec
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Endpoints, Limits, OpenFeed
from twap.ports.market import Candle, Instrument
from twap.ports.transport import HttpRequest, Transport

MARKET: Final = "/api/v3/brokerage/market"

INTERVALS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1m": ("ONE_MINUTE", timedelta(minutes=1)),
    "5m": ("FIVE_MINUTE", timedelta(minutes=5)),
    "15m": ("FIFTEEN_MINUTE", timedelta(minutes=15)),
    "30m": ("THIRTY_MINUTE", timedelta(minutes=30)),
    "1h": ("ONE_HOUR", timedelta(hours=1)),
    "2h": ("TWO_HOUR", timedelta(hours=2)),
    "6h": ("SIX_HOUR", timedelta(hours=6)),
    "1d": ("ONE_DAY", timedelta(days=1)),
}


class Coinbase:
    name = "Coinbase"
    endpoints = Endpoints(rest="https://api.coinbase.com", ws="wss://advanced-trade-ws.coinbase.com")
    rules = BookRules(snapshot_by_rest=False, contiguous=False)
    """Not contiguous: the numbers count frames, not a book's changes. The codec itself watches over them."""
    limits = Limits(
        pongs_are_life=False,
        symbols_per_connection=20,  # a gap costs all books of a connection: few share one
        symbols_per_frame=20,
        frames_per_second=2,
        frames_together=(6, 1),  # of 8 for an address
        connects=(2, 1),  # of 8: each begins with two frames, and has five seconds for them
        rest=(10, 1),
        max_frame_bytes=16 * 2**20,  # the snapshot of BTC-USD is one frame of 4.8 MB
        handshake_seconds=5,
    )
    taker_fee = Decimal("0.012")
    """Coinbase Advanced's lowest tier, as of 2025: an assumption, since the table is shown only to those who
    are signed in. The settings may say otherwise."""
    intervals: Mapping[str, timedelta] = {name: length for name, (_, length) in INTERVALS.items()}
    candles_per_request = 300
    candle_history: int | None = None

    def instruments_request(self) -> HttpRequest:
        return HttpRequest(f"{MARKET}/products", {"product_type": "SPOT"})

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        """Without aliases: BTC-USDC's book is BTC-USD's, and the feed speaks of BTC-USD alone."""
        return answers.read_instruments(body, self.name)

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        if interval not in INTERVALS:
            raise CodecError(f"{self.name} has no candles of {interval!r}")
        query = {
            "start": str(math.ceil(start.timestamp())),
            # `end` is inside: one second less, so that a full page has no row too many.
            "end": str(math.ceil(end.timestamp()) - 1),
            "granularity": INTERVALS[interval][0],
        }
        return HttpRequest(f"{MARKET}/products/{quote(instrument.native, safe='')}/candles", query)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        return answers.read_candles(body)

    def snapshot_request(self, symbol: str) -> HttpRequest:
        raise CodecError(f"{self.name} sends the snapshot of {symbol} in its stream, not by HTTP")

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        raise CodecError(f"{self.name} sends the snapshot of {symbol} in its stream, not by HTTP")

    def handshake_request(self) -> None:
        return None

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        return OpenFeed("/")

    def codec(self) -> CoinbaseCodec:
        return CoinbaseCodec()

    def transport(self) -> Transport | None:
        return None
