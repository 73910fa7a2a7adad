"""Books that are damaged, interrupted, shallow or too old."""

from decimal import Decimal as D

import pytest

from tests.fakes.syncing import ASKS, CHAINED, delta, make, snapshot, state
from twap.ports.exchange import BookRules, Checksum
from twap.ports.feed import Cause, Pulse
from twap.ports.market import BookState


@pytest.mark.parametrize("bad", [("NaN", "1"), ("1", "-1"), ("1",), (["1"], "1"), "x"])
def test_book_when_a_level_is_damaged_then_broken_and_never_shown(bad):
    sync, cures = make(CHAINED)
    sync.snapshot(snapshot(10))
    sync.delta(delta(11, 11, [bad]))
    assert cures == [Cause.MALFORMED]
    assert state(sync) is BookState.SYNCING
    sync.snapshot(snapshot(12, [bad]))
    assert state(sync) is BookState.SYNCING


def test_book_when_crossed_then_found_on_reading_and_thrown_away():
    sync, cures = make(CHAINED)
    sync.snapshot(snapshot(10))
    sync.delta(delta(11, 11, [("102", "1")]))
    assert state(sync) is BookState.SYNCING
    assert cures == [Cause.CROSSED]
    assert sync.counters.crossed == 1


def test_book_when_nothing_was_heard_for_too_long_then_stale_until_the_next_sign_of_life():
    sync, _ = make(CHAINED)
    pulse = Pulse(0.0)
    sync.connected(pulse)
    sync.snapshot(snapshot(10))
    assert state(sync, 5.0) is BookState.LIVE
    assert state(sync, 5.1) is BookState.STALE
    pulse.seen_at = 5.05
    assert state(sync, 5.1) is BookState.LIVE


def test_book_when_interrupted_then_empty_with_the_reason_until_connected_again():
    sync, _ = make(CHAINED)
    sync.snapshot(snapshot(10))
    sync.interrupted(BookState.DOWN, "refused")
    assert state(sync) is BookState.DOWN
    assert sync.reason == "refused"
    sync.delta(delta(11, 11))
    sync.snapshot(snapshot(12))
    assert state(sync) is BookState.DOWN
    sync.connected(Pulse(0.0))
    sync.snapshot(snapshot(20))
    assert state(sync) is BookState.LIVE


def test_rest_book_when_interrupted_for_a_moment_then_deltas_are_kept_for_the_next_snapshot():
    sync, cures = make()
    sync.snapshot(snapshot(3))
    sync.interrupted(BookState.SYNCING, "damaged frame")
    sync.delta(delta(6, 7))
    sync.snapshot(snapshot(6))
    assert (state(sync), sync.book.sequence, cures) == (BookState.LIVE, 7, [])


def test_book_when_the_checksum_does_not_fit_then_broken():
    checksum = Checksum(10, lambda price, quantity: price, lambda bids, asks: len(bids) * 10 + len(asks))
    rules = BookRules(contiguous=False, checksum=checksum)
    sync, cures = make(rules)
    sync.snapshot(snapshot(1, checksum=11))
    assert state(sync) is BookState.LIVE
    sync.delta(delta(2, 2, [("98", "1")], checksum=21))
    assert (cures, state(sync)) == ([], BookState.LIVE)
    sync.delta(delta(3, 3, [("97", "1")], checksum=99))
    assert (cures, state(sync)) == ([Cause.CHECKSUM], BookState.SYNCING)
    sync.snapshot(snapshot(4, checksum=99))
    assert state(sync) is BookState.SYNCING


def test_book_when_checksums_come_with_the_changes_alone_then_one_new_snapshot_and_they_count_from_then_on():
    checksum = Checksum(10, lambda price, quantity: price, lambda bids, asks: len(bids) * 10 + len(asks))
    sync, cures = make(BookRules(contiguous=False, checksum=checksum))
    sync.snapshot(snapshot(1))
    sync.delta(delta(2, 2, [("98", "1")], checksum=21))
    assert cures == [Cause.CHECKSUM]
    assert not sync.is_true
    sync.snapshot(snapshot(3))
    sync.delta(delta(4, 4, [("98", "1")], checksum=21))
    assert sync.is_true
    sync.delta(delta(5, 5, [("97", "1")], checksum=99))
    assert sync.counters.checksum_failures == 1
    assert not sync.is_true


def test_book_when_cut_to_a_depth_then_levels_beyond_are_gone():
    sync, _ = make(BookRules(contiguous=False, kept_depth=2))
    sync.snapshot(snapshot(1, [("99", "1"), ("98", "1"), ("97", "1")]))
    sync.delta(delta(2, 2, [("98.5", "1")]))
    assert [x.price for x in sync.book.bids.best()] == [D(99), D("98.5")]


def test_shallow_book_when_few_known_levels_are_left_then_it_is_refilled_without_a_pause():
    rules = BookRules(snapshot_by_rest=True, drops_old=True, seed_depth=3, refill_below=3)
    sync, cures = make(rules)
    seed = [("99", "1"), ("98", "1"), ("97", "1")]
    sync.snapshot(snapshot(1, seed, ASKS))
    assert (state(sync), cures) == (BookState.LIVE, [])
    sync.delta(delta(2, 2, [("99", "0"), ("96", "4")]))
    assert (state(sync), cures) == (BookState.LIVE, [Cause.SHALLOW])
    sync.delta(delta(3, 3, [("98", "2")]))
    assert cures == [Cause.SHALLOW]
    sync.snapshot(snapshot(2, [("98", "1"), ("97", "1"), ("96", "4")], ASKS))
    assert sync.book.sequence == 3
    assert [(x.price, x.quantity) for x in sync.book.bids.best()] == [
        (D(98), D(2)),
        (D(97), D(1)),
        (D(96), D(4)),
    ]
    assert state(sync) is BookState.LIVE


def test_shallow_book_when_no_known_level_is_left_then_not_live():
    rules = BookRules(snapshot_by_rest=True, drops_old=True, seed_depth=1, refill_below=1)
    sync, cures = make(rules)
    sync.snapshot(snapshot(1))
    sync.delta(delta(2, 2, [("99", "0"), ("98", "1")]))
    assert (state(sync), cures) == (BookState.SYNCING, [Cause.SHALLOW])
    assert "no known level" in sync.reason


def test_refill_when_its_snapshot_is_older_than_the_book_then_another_is_asked_for():
    rules = BookRules(snapshot_by_rest=True, drops_old=True, seed_depth=1, refill_below=2)
    sync, cures = make(rules)
    sync.snapshot(snapshot(5))
    assert state(sync) is BookState.LIVE
    sync.snapshot(snapshot(4))
    assert cures == [Cause.SHALLOW, Cause.OLD_SNAPSHOT]
    assert sync.book.sequence == 5


def test_rest_book_when_an_unasked_snapshot_is_not_newer_then_it_is_ignored():
    sync, _ = make()
    sync.snapshot(snapshot(5))
    sync.delta(delta(6, 6, [("99", "3")]))
    sync.snapshot(snapshot(6))
    assert sync.book.bids.best()[0].quantity == D(3)
    sync.snapshot(snapshot(9, [("90", "1")]))
    assert sync.book.sequence == 9


def test_rest_book_when_too_many_deltas_wait_then_they_are_dropped_and_a_snapshot_asked_for(monkeypatch):
    monkeypatch.setattr("twap.domain.synchroniser._MOST_BUFFERED", 3)
    sync, cures = make()
    for number in range(1, 6):
        sync.delta(delta(number, number))
    assert cures == [Cause.OLD_SNAPSHOT]
    assert state(sync) is BookState.SYNCING
