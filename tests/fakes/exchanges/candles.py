"""A candle series that is the same whenever it is asked for, with some holes."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.fakes.exchanges.listings import listing

BEGIN = 1_704_067_200
"""2024-01-01: nothing is older, in Unix seconds."""
DAY = 86_400
WEEK = 7 * DAY
MONTH = "month"


@dataclass(frozen=True, slots=True)
class Candle:
    """`start` and `end` (exclusive) in Unix seconds; prices and amounts as text."""

    start: int
    end: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    turnover: str
    trades: int


def hole(symbol, start):
    """No trade happened in this interval: the exchange has no row for it."""
    return zlib.crc32(f"{symbol}@{start}".encode()) % 41 == 7


def candle(symbol, start, end):
    listed = listing(symbol)
    seed = zlib.crc32(f"{symbol}:{start}".encode())
    price = listed.price + (seed % 199 - 99) * listed.tick
    close = price + (seed // 199 % 21 - 10) * listed.tick
    low = min(price, close) - (seed // 4179 % 9) * listed.tick
    high = max(price, close) + (seed // 37611 % 9) * listed.tick
    volume = Decimal(listed.quantity_text(seed % 1_000_003 + 1))
    turnover = volume * (high + low) / 2
    prices = [listed.price_text(value) for value in (price, high, low, close)]
    return Candle(start, end, *prices, str(volume), f"{turnover:.8f}", seed % 5000 + 1)


def starts(interval, begin, end, monday=True):
    """Starts of the intervals with begin <= start < end, ascending. `interval` in seconds, or MONTH."""
    if interval == MONTH:
        return [start for start in month_starts(begin, end) if begin <= start < end]
    # 1970-01-01 was a Thursday: weeks from Monday are shifted by four days.
    shift = 4 * DAY if interval == WEEK and monday else 0
    first = -(-(begin - shift) // interval) * interval + shift
    return list(range(first, end, interval))


def month_starts(begin, end):
    day = datetime.fromtimestamp(begin, UTC)
    year, month = day.year, day.month
    while (start := int(datetime(year, month, 1, tzinfo=UTC).timestamp())) < end:
        yield start
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def following(interval, start):
    if interval != MONTH:
        return start + interval
    return next(later for later in month_starts(start, start + 40 * DAY) if later > start)


def series(symbol, interval, begin, end, *, oldest=None, newest=None, monday=True, holes=True):
    """Candles with begin <= start < end, ascending.

    oldest, newest  keep only so many, from that end
    monday          weeks begin on Monday (False: on Thursday, as 1970 did)
    holes           intervals without trades have no candle
    """
    begin = max(begin, BEGIN)
    if newest is not None and interval != MONTH:
        # Holes are rare: twice as many intervals always hold enough rows.
        begin = max(begin, end - (2 * newest + 20) * interval)
    if oldest is not None and interval != MONTH:
        end = min(end, begin + (2 * oldest + 20) * interval)
    found = [start for start in starts(interval, begin, end, monday) if not (holes and hole(symbol, start))]
    if newest is not None:
        found = found[-newest:]
    if oldest is not None:
        found = found[:oldest]
    return [candle(symbol, start, following(interval, start)) for start in found]
