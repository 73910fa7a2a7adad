"""Checks of candles: complete over any range, in order, each once, holes left as holes, limits kept."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.conformance.stage import Stage
from tests.conformance.surroundings import Adjusted
from tests.fakes.exchanges import candles
from twap.ports.errors import InvalidField, UnknownInterval
from twap.ports.market import canonical_symbol

NOW = datetime(2027, 2, 10, 9, 41, 30, tzinfo=UTC)
"""The stand-ins' candles begin three years before, in 2024."""
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)


PAGE = 120
"""Candles a request at most, where it is about many intervals: pages of the full size come in three years."""


def candle_stage(exchange, stand_in):
    stand_in.now = NOW.timestamp
    return Stage(exchange, stand_in, now=NOW)


async def check_intervals(exchange, stand_in, **series):
    """Every interval, over more than two pages where there are so many, up to the candle that still runs.

    series  monday: weeks begin then; flat: intervals without trades have a flat candle, not none
    """
    history = exchange.candle_history
    page = exchange.candles_per_request if history else min(exchange.candles_per_request, PAGE)
    async with candle_stage(Adjusted(exchange, candles_per_request=page), stand_in) as stage:
        assert list(stage.engine.intervals(stage.name)) == list(exchange.intervals)
        for interval, span in exchange.intervals.items():
            wanted = min(history or 10**6, round(2.4 * page))
            start = max(NOW - (wanted - 2) * span - span / 3, EARLIEST)
            assert await told(stage, interval, start, NOW + span) == truth(
                stage, interval, start, NOW + span, **series
            )
        with pytest.raises(UnknownInterval, match="7m"):
            await told(stage, "7m", NOW - timedelta(hours=1), NOW)
        stage.verdict()


async def check_three_years(exchange, stand_in, **series):
    """Three years of hours, politely; where the exchange does not keep them, it is said what it does keep."""
    start, end = NOW - timedelta(days=3 * 365), NOW - timedelta(hours=5)
    async with candle_stage(exchange, stand_in) as stage:
        if exchange.candle_history is not None:
            hour = NOW.replace(minute=0, second=0)
            earliest = hour - (exchange.candle_history - 1) * timedelta(hours=1)
            with pytest.raises(InvalidField, match=earliest.isoformat()[:19]):
                await told(stage, "1h", start, end)
            start = earliest
        expected = truth(stage, "1h", start, end, **series)
        assert await told(stage, "1h", start, end) == expected
        hours = (end - start) // timedelta(hours=1)
        assert (len(expected) < hours) == (not series.get("flat"))
        stage.verdict()


async def told(stage, interval, start, end):
    """What the program says."""
    symbol = canonical_symbol(stage.symbol)
    found = await stage.engine.candles(stage.name, symbol, interval, start, end)
    return [
        (each.open_at, each.open, each.high, each.low, each.close, each.volume, each.closed) for each in found
    ]


def truth(stage, interval, start, end, *, monday=True, flat=False):
    """What the stand-in knows: `start` and `end` need not be on the clock."""
    span = stage.exchange.intervals[interval]
    length = candles.MONTH if interval.endswith("M") else int(span.total_seconds())
    begin = -int(-start.timestamp() // 1)
    until = int(min(end, NOW + timedelta(seconds=1)).timestamp())
    rows = candles.series(stage.symbol, length, begin, until, monday=monday, holes=not flat)
    return [
        (datetime.fromtimestamp(row.start, UTC), *numbers(stage.symbol, row), row.end <= NOW.timestamp())
        for row in rows
    ]


def numbers(symbol, row):
    if candles.hole(symbol, row.start):
        return *[Decimal(row.open)] * 4, Decimal(0)
    return tuple(Decimal(text) for text in (row.open, row.high, row.low, row.close, row.volume))
