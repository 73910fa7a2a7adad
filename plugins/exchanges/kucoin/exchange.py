"""What Kucoin is: its addresses, limits, requests and the rules of its books.

Sources: Kucoin's universal SDK (specification of the spot market API) and recorded traffic.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from twap.plugins.exchanges.kucoin import answers
from twap.plugins.exchanges.kucoin.codec import KucoinCodec
from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Endpoints, Limits, OpenFeed
from twap.ports.market import Candle, Instrument
from twap.ports.transport import HttpRequest, Transport

INTERVALS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1m": ("1min", timedelta(minutes=1)),
    "3m": ("3min", timedelta(minutes=3)),
    "5m": ("5min", timedelta(minutes=5)),
    "15m": ("15min", timedelta(minutes=15)),
    "30m": ("30min", timedelta(minutes=30)),
    "1h": ("1hour", timedelta(hours=1)),
    "2h": ("2hour", timedelta(hours=2)),
    "4h": ("4hour", timedelta(hours=4)),
    "6h": ("6hour", timedelta(hours=6)),
    "8h": ("8hour", timedelta(hours=8)),
    "12h": ("12hour", timedelta(hours=12)),
    "1d": ("1day", timedelta(days=1)),
    "1w": ("1week", timedelta(weeks=1)),
    "1M": ("1month", timedelta(days=28)),
}


MOST_BETWEEN_PINGS: Final = 8.0
"""Seconds. Each token names a `pingInterval` (18 s today): half of it, where that is less."""


class Kucoin:
    name = "Kucoin"
    endpoints = Endpoints(rest="https://api.kucoin.com", ws="wss://ws-api-spot.kucoin.com")
    # Its 100 levels are soon behind a market that moves: refilled at half.
    rules = BookRules(snapshot_by_rest=True, contiguous=True, drops_old=True, seed_depth=100, refill_below=50)
    limits = Limits(
        pongs_are_life=False,
        symbols_per_connection=300,
        symbols_per_frame=100,
        frames_per_second=8,  # 100 in 10 s are allowed; the rest is for pings
        connects=(30, 60),
        rest=(2000, 30),
        keepalive_seconds=MOST_BETWEEN_PINGS,
    )
    taker_fee = Decimal("0.001")
    """Class A symbols at level 0: an assumption for all; the settings may say otherwise."""
    intervals: Mapping[str, timedelta] = {name: length for name, (_, length) in INTERVALS.items()}
    candles_per_request = 1500
    candle_history: int | None = None

    def instruments_request(self) -> HttpRequest:
        return HttpRequest("/api/v2/symbols", weight=4)

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        return answers.read_instruments(body, self.name)

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        if interval not in INTERVALS:
            raise CodecError(f"{self.name} has no candles of {interval!r}")
        query = {
            "symbol": instrument.native,
            "type": INTERVALS[interval][0],
            "startAt": str(math.ceil(start.timestamp())),
            # One second less, since `endAt` may count as inside: else a full page would lose its first row.
            "endAt": str(math.ceil(end.timestamp()) - 1),
        }
        return HttpRequest("/api/v1/market/candles", query, weight=3)

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        return answers.read_candles(body)

    def snapshot_request(self, symbol: str) -> HttpRequest:
        """The best 100 levels a side: the whole book asks for a key."""
        return HttpRequest("/api/v1/market/orderbook/level2_100", {"symbol": symbol}, weight=2)

    def snapshot(self, body: bytes, symbol: str) -> Snapshot:
        return answers.read_snapshot(body, symbol)

    def handshake_request(self) -> HttpRequest:
        return HttpRequest("/api/v1/bullet-public", method="POST", weight=10)

    def open_feed(self, handshake: bytes | None) -> OpenFeed:
        """The address is the one in the answer. `connectId` may be any text: it is made from the token."""
        endpoint, token, interval = answers.read_token(handshake or b"")
        connect_id = hashlib.sha256(token.encode()).hexdigest()[:16]
        separator = "&" if "?" in endpoint else "?"
        return OpenFeed(
            url=f"{endpoint}{separator}token={quote(token, safe='=')}&connectId={connect_id}",
            keepalive_seconds=None if interval is None else min(interval / 2, MOST_BETWEEN_PINGS),
        )

    def codec(self) -> KucoinCodec:
        return KucoinCodec()

    def transport(self) -> Transport | None:
        return None
