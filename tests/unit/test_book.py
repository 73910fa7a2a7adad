from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twap.domain.book import BadLevel, OrderBook, PriceTexts, key_of, price_of
from twap.domain.synchroniser import BAD_LEVELS
from twap.ports.market import Level


def make_book(bids=(), asks=()):
    book = OrderBook(PriceTexts())
    book.apply(bids, asks, 1)
    return book


def prices(levels):
    return [level.price for level in levels]


def test_book_when_read_then_bids_descend_and_asks_ascend_exactly():
    book = make_book([("1.10", "5"), ("1.2", "0.10")], [("1.40", "2"), ("1.3", "1")])
    assert book.bids.best() == [Level(D("1.2"), D("0.1")), Level(D("1.1"), D(5))]
    assert book.asks.best() == [Level(D("1.3"), D(1)), Level(D("1.4"), D(2))]


def test_book_when_the_same_price_comes_in_another_spelling_then_it_is_one_level():
    book = make_book([("1.10", "5")])
    book.apply([("1.1", "7")], [], 2)
    assert book.bids.best() == [Level(D("1.1"), D(7))]


def test_book_when_an_absent_level_is_removed_then_nothing_happens():
    book = make_book([("1", "5")])
    book.apply([("2", "0"), ("3", "0.000")], [], 2)
    assert prices(book.bids.best()) == [D(1)]
    assert book.sequence == 2


@pytest.mark.parametrize(
    "text", ["NaN", "-1", "1e5", "", ".", "1.1.1", "١", "1_0", " 1", "Infinity", "0x1", "1" * 41, 5, None]
)
def test_book_when_a_level_is_no_plain_number_then_it_is_refused(text):
    with pytest.raises(BAD_LEVELS):
        make_book([(text, "1")])
    with pytest.raises(BAD_LEVELS):
        make_book([("1", text)])


def test_book_when_a_price_is_zero_then_it_is_refused():
    with pytest.raises(BadLevel):
        make_book([("0.00", "1")])


def test_book_when_a_price_has_too_many_places_then_it_is_refused():
    with pytest.raises(BadLevel):
        make_book([("0." + "1" * 19, "1")])


def test_book_when_cut_then_the_best_levels_stay():
    book = make_book([("1", "1"), ("2", "1"), ("3", "1")], [("4", "1"), ("5", "1"), ("6", "1")])
    book.cut(2)
    assert prices(book.bids.best()) == [D(3), D(2)]
    assert prices(book.asks.best()) == [D(4), D(5)]


def test_book_when_seeded_full_then_nothing_is_known_beyond_the_worst_seeded_level():
    book = make_book([("10", "1"), ("9", "1")], [("11", "1")])
    book.set_horizon(2)
    book.apply([("8", "5"), ("9.5", "5")], [("12", "1")], 2)
    assert prices(book.bids.best()) == [D(10), D("9.5"), D(9)]
    assert prices(book.asks.best()) == [D(11), D(12)]
    assert book.bids.known_count() == 3


def test_book_when_all_known_levels_are_gone_then_there_is_no_best():
    book = make_book([("10", "1"), ("9", "1")])
    book.set_horizon(2)
    book.apply([("10", "0"), ("9", "0"), ("8", "1")], [], 2)
    assert book.bids.best() == []
    assert book.bids.best_key() is None


def test_crossed_when_best_bid_reaches_best_ask_then_true():
    assert make_book([("2", "1")], [("2", "1")]).crossed
    assert not make_book([("1.9", "1")], [("2", "1")]).crossed
    assert not make_book([("1.9", "1")]).crossed


def test_price_texts_when_far_too_many_then_memory_stays_bounded(monkeypatch):
    monkeypatch.setattr("twap.domain.book._REMEMBERED", 10)
    known = PriceTexts()
    for number in range(1, 50):
        assert known[str(number)] == key_of(D(number))
    assert len(known) <= 10


@given(st.decimals(min_value="0.000000000000000001", max_value=10**15, places=18))
def test_price_key_when_converted_back_then_equal(price):
    assert price_of(key_of(price)) == price


CHANGES = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 5)).map(lambda pair: (str(pair[0]), str(pair[1]))),
    max_size=40,
)


@given(st.lists(st.tuples(CHANGES, st.booleans()), max_size=12), st.booleans())
def test_book_side_when_changed_and_read_at_random_then_equals_a_plain_dict(rounds, descending):
    """Reading now and then exercises the incremental order: the result must not depend on when it is read."""
    book = OrderBook(PriceTexts())
    side = book.bids if descending else book.asks
    plain = {}
    for changes, is_read in rounds:
        book.apply(changes if descending else [], [] if descending else changes, 1)
        for price, quantity in changes:
            plain.pop(D(price), None)
            if quantity != "0":
                plain[D(price)] = D(quantity)
        if is_read:
            wanted = [Level(p, plain[p]) for p in sorted(plain, reverse=descending)]
            assert side.best() == wanted
            assert side.best(3) == wanted[:3]
    assert side.known_count() == len(plain)
