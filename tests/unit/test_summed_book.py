from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twap.domain.book import BadLevel, PriceTexts
from twap.domain.summed_book import SummedBook
from twap.ports.exchange import Checksum
from twap.ports.market import Level

DEPTH = 3
CHECKSUM = Checksum(DEPTH, lambda price, quantity: f"{price}x{quantity}", lambda bids, asks: (bids, asks))
"""Its "checksum" is the digests themselves, so that a test shows where they differ."""


def make_book(bids=(), asks=()):
    book = SummedBook(PriceTexts(), CHECKSUM)
    book.apply(bids, asks, 1)
    return book


def test_checksum_when_the_book_is_new_then_of_the_best_levels_in_wire_text():
    book = make_book([("63004.90", "0.00005100"), ("63003.00", "1"), ("7", "1")], [("9", "1"), ("8.0", "2")])
    assert book.checksum() == (["63004.90x0.00005100", "63003.00x1", "7x1"], ["8.0x2", "9x1"])


def test_checksum_when_one_of_the_best_goes_then_the_next_moves_up_in_its_own_wire_text():
    book = make_book(asks=[("1.0", "1"), ("2.0", "1"), ("3.0", "1"), ("4.0", "1.10")])
    book.apply([], [("2.00", "0.000")], 2)
    assert book.checksum() == ([], ["1.0x1", "3.0x1", "4.0x1.10"])


@pytest.mark.parametrize("level", [("1", "x"), ("x", "1"), ("1", "-1"), ("1", "1" * 41)])
def test_apply_when_a_level_is_no_plain_number_then_it_is_refused(level):
    with pytest.raises(BadLevel):
        make_book([level])


LEVELS = st.lists(
    st.tuples(
        st.integers(1, 12), st.sampled_from([".0", ".00", ""]), st.sampled_from(["0", "0.00", "1", "2.0"])
    ),
    max_size=12,
).map(lambda rows: [(f"{price}{zeros}", quantity) for price, zeros, quantity in rows])


@given(st.lists(st.tuples(LEVELS, LEVELS), max_size=10), st.sampled_from([None, DEPTH, 6]))
def test_book_when_changed_and_cut_at_random_then_levels_and_checksum_as_of_plain_dicts(rounds, kept):
    book, plain = make_book(), ({}, {})
    for changes in rounds:
        book.apply(*changes, 1)
        for side, levels in zip(plain, changes, strict=True):
            for price, quantity in levels:
                side.pop(D(price), None)
                if D(quantity):
                    side[D(price)] = (price, quantity)
        if kept is not None:
            book.cut(kept)
        best = [sorted(plain[0], reverse=True)[:kept], sorted(plain[1])[:kept]]
        plain = tuple(
            {price: side[price] for price in prices} for side, prices in zip(plain, best, strict=True)
        )
        for side, ours in zip(plain, (book.bids, book.asks), strict=True):
            assert ours.best() == [Level(price, D(quantity)) for price, (_, quantity) in side.items()]
        expected = [
            [f"{text}x{quantity}" for text, quantity in list(side.values())[:DEPTH]] for side in plain
        ]
        assert book.checksum() == tuple(expected)
