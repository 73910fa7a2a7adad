"""Books of each exchange: instruments, depth, many at once, beside each other."""

import pytest

from tests.conformance import suite
from tests.conformance.installed import EXCHANGES, FAILED, FOUND, OTHER, WINDOWS, stand_in

every_exchange = pytest.mark.parametrize("name", EXCHANGES)
seeded = pytest.mark.parametrize("name", [name for name in EXCHANGES if EXCHANGES[name].rules.seed_depth])


def test_exchanges_when_installed_then_each_loads_and_has_a_stand_in():
    assert not FAILED
    assert len(EXCHANGES) >= 6
    assert set(EXCHANGES) == set(FOUND)


@every_exchange
async def test_instruments_when_read_then_sane(name):
    await suite.check_instruments(EXCHANGES[name], stand_in(name, symbols=5))


@every_exchange
async def test_book_when_deeper_than_it_is_shown_then_what_is_known_is_true(name):
    window = WINDOWS.get(name)
    levels = 120 if window is None else round(window * 1.1)
    await suite.check_deep_book(EXCHANGES[name], stand_in(name, symbols=1, levels=levels), window)


@seeded
async def test_book_when_its_seed_is_used_up_then_refilled_without_a_pause(name):
    levels = round(EXCHANGES[name].rules.seed_depth * 1.5)
    await suite.check_refill(EXCHANGES[name], stand_in(name, symbols=1, levels=levels))


@every_exchange
async def test_symbols_when_twenty_are_used_then_few_sockets_that_end_with_their_users(name):
    await suite.check_many_symbols(EXCHANGES[name], stand_in(name, symbols=20))


@every_exchange
async def test_book_when_it_is_mended_then_its_neighbours_go_on(name):
    await suite.check_neighbours(EXCHANGES[name], stand_in(name, symbols=3))


@every_exchange
async def test_exchange_when_another_is_down_then_it_goes_on(name):
    other = OTHER[name]
    await suite.check_beside_another(EXCHANGES[name], stand_in(name), EXCHANGES[other], stand_in(other))
