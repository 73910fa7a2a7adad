"""Candles of each exchange, over loopback, page by page."""

import pytest

from tests.conformance import suite
from tests.conformance.installed import EXCHANGES, SERIES, stand_in


@pytest.mark.parametrize("name", EXCHANGES)
async def test_candles_when_asked_for_every_interval_then_complete_and_in_order(name):
    await suite.check_intervals(EXCHANGES[name], stand_in(name), **SERIES.get(name, {}))


@pytest.mark.parametrize("name", EXCHANGES)
async def test_candles_when_asked_for_three_years_of_hours_then_complete_and_limits_kept(name):
    await suite.check_three_years(EXCHANGES[name], stand_in(name), **SERIES.get(name, {}))
