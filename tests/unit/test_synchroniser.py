from decimal import Decimal as D

import pytest

from tests.fakes.syncing import BY_REST, CHAINED, delta, make, snapshot, state
from twap.ports.exchange import BookRules
from twap.ports.feed import Cause
from twap.ports.market import BookState


def test_book_when_not_connected_then_nothing_makes_it_live():
    sync, _ = make(connected=False)
    sync.snapshot(snapshot(1))
    sync.delta(delta(2, 2))
    assert state(sync) is BookState.SYNCING


def test_rest_book_when_the_first_kept_delta_contains_the_next_change_then_spliced():
    sync, cures = make()
    sync.delta(delta(5, 8, [("99", "7")]))
    sync.delta(delta(9, 9, [("98", "2")]))
    sync.snapshot(snapshot(6))
    assert state(sync) is BookState.LIVE
    assert sync.book.sequence == 9
    assert [(x.price, x.quantity) for x in sync.book.bids.best()] == [(D(99), D(7)), (D(98), D(2))]
    assert cures == []


def test_rest_book_when_kept_deltas_are_older_than_the_snapshot_then_dropped():
    sync, _ = make()
    sync.delta(delta(1, 3, [("99", "7")]))
    sync.snapshot(snapshot(3))
    assert sync.book.bids.best()[0].quantity == D(1)
    assert state(sync) is BookState.LIVE


def test_rest_book_when_the_snapshot_is_older_than_the_first_kept_delta_then_another_is_asked_for():
    sync, cures = make()
    sync.delta(delta(10, 12))
    sync.snapshot(snapshot(8))
    assert state(sync) is BookState.SYNCING
    assert cures == [Cause.OLD_SNAPSHOT]
    sync.snapshot(snapshot(9))
    assert state(sync) is BookState.LIVE
    assert sync.book.sequence == 12


def test_rest_book_when_a_delta_is_repeated_then_it_is_counted_and_harmless():
    sync, cures = make()
    sync.snapshot(snapshot(3))
    sync.delta(delta(2, 3, [("99", "9")]))
    assert (sync.counters.repeated, cures, sync.book.sequence) == (1, [], 3)
    assert sync.book.bids.best()[0].quantity == D(1)


def test_rest_book_when_the_newest_delta_is_repeated_then_it_is_harmless():
    sync, cures = make()
    sync.snapshot(snapshot(3))
    sync.delta(delta(4, 6, [("99", "9")]))
    sync.delta(delta(4, 6, [("99", "9")]))
    assert (sync.counters.repeated, cures, sync.book.sequence) == (1, [], 6)


def test_rest_book_when_a_damaged_number_swallows_what_follows_then_a_gap_at_the_next_change():
    sync, cures = make()
    sync.snapshot(snapshot(3))
    sync.delta(delta(4, 906, [("99", "9")]))
    sync.delta(delta(7, 8, [("99", "5")]))
    assert (state(sync), cures) == (BookState.SYNCING, [Cause.GAP])


@pytest.mark.parametrize("rules", [BY_REST, BookRules(drops_old=True)])
def test_book_when_its_numbers_begin_anew_after_a_change_then_a_gap(rules):
    sync, cures = make(rules)
    sync.snapshot(snapshot(1000))
    sync.delta(delta(1001, 1001, [("99", "9")]))
    sync.delta(delta(5, 5, [("99", "4")]))
    assert (state(sync), cures) == (BookState.SYNCING, [Cause.GAP])


def test_rest_book_when_the_stream_stays_behind_its_snapshot_then_a_gap():
    sync, cures = make()
    sync.snapshot(snapshot(1000))
    for number in range(5, 9):
        late = delta(number, number, [("99", "4")])
        late.exchange_time += (number - 5) * 1_001
        assert (state(sync), cures) == (BookState.LIVE, [])
        sync.delta(late)
    assert (state(sync), cures) == (BookState.SYNCING, [Cause.GAP])


def test_rest_book_when_a_stream_without_times_stays_behind_its_snapshot_then_a_gap():
    sync, cures = make()
    sync.snapshot(snapshot(5000))
    for number in range(1, 1002):
        untimed = delta(number, number, [("99", "4")])
        untimed.exchange_time = None
        sync.delta(untimed)
    assert (sync.counters.repeated, cures) == (1000, [Cause.GAP])


def test_rest_book_when_the_changes_kept_end_before_the_snapshot_then_not_live_until_one_reaches_it():
    sync, cures = make()
    sync.delta(delta(1, 3))
    sync.snapshot(snapshot(8))
    assert (state(sync), sync.reason) == (BookState.SYNCING, "the stream has yet to reach the snapshot")
    sync.delta(delta(4, 7, [("99", "4")]))
    assert state(sync) is BookState.SYNCING
    sync.delta(delta(8, 9, [("98", "5")]))
    assert (state(sync), sync.book.sequence, cures) == (BookState.LIVE, 9, [])
    assert [(x.price, x.quantity) for x in sync.book.bids.best()] == [(D(99), D(1)), (D(98), D(5))]
    sync.delta(delta(10, 10))
    assert (sync.book.sequence, cures, sync.counters.repeated) == (10, [], 0)


def test_rest_book_when_a_change_is_lost_between_stream_and_snapshot_then_one_other_snapshot_is_asked_for():
    sync, cures = make()
    sync.delta(delta(1, 3))
    sync.snapshot(snapshot(8))
    for number in (10, 11, 12):
        sync.delta(delta(number, number))
    assert (state(sync), cures) == (BookState.SYNCING, [Cause.OLD_SNAPSHOT])
    sync.snapshot(snapshot(11))
    assert (state(sync), sync.book.sequence) == (BookState.LIVE, 12)


def test_rest_book_when_a_quiet_stream_says_no_more_then_live_with_its_snapshot():
    sync, cures = make()
    sync.delta(delta(1, 3))
    sync.snapshot(snapshot(8))
    assert [state(sync, now) for now in (1.0, 1.9)] == [BookState.SYNCING] * 2
    sync.delta(delta(4, 4))
    assert [state(sync, now) for now in (2.0, 2.9)] == [BookState.SYNCING] * 2
    assert (state(sync, 3.0), sync.book.sequence, cures) == (BookState.LIVE, 8, [])


def test_rest_book_when_the_stream_never_reaches_its_snapshot_then_never_live_and_another_asked_for():
    sync, cures = make()
    sync.delta(delta(1, 1))
    sync.snapshot(snapshot(10**9))
    for number in range(2, 7):
        assert (state(sync), cures) == (BookState.SYNCING, [])
        late = delta(number, number)
        late.exchange_time += number * 1_000
        sync.delta(late)
    assert (state(sync), cures) == (BookState.SYNCING, [Cause.OLD_SNAPSHOT])
    sync.snapshot(snapshot(4))
    assert (state(sync), sync.book.sequence) == (BookState.LIVE, 6)


def test_refill_when_its_snapshot_is_ahead_of_the_stream_then_the_book_stays_live_until_it_is_reached():
    rules = BookRules(snapshot_by_rest=True, drops_old=True, seed_depth=1, refill_below=2)
    sync, cures = make(rules)
    sync.snapshot(snapshot(5))
    assert (state(sync), cures) == (BookState.LIVE, [Cause.SHALLOW])
    sync.delta(delta(6, 6))
    sync.snapshot(snapshot(8, [("98", "3")]))
    assert (state(sync), sync.book.sequence) == (BookState.LIVE, 6)
    sync.delta(delta(7, 8))
    assert (sync.book.sequence, sync.book.bids.best()[0].quantity) == (8, D(3))
    assert (state(sync), sync.counters.gaps) == (BookState.LIVE, 0)


def test_rest_book_when_a_newer_snapshot_comes_then_the_stream_may_be_behind_it_again():
    sync, cures = make()
    sync.snapshot(snapshot(3))
    sync.delta(delta(4, 6, [("99", "9")]))
    sync.snapshot(snapshot(8, [("99", "2")]))
    sync.delta(delta(7, 8, [("99", "2")]))
    sync.delta(delta(9, 9, [("99", "3")]))
    assert (state(sync), cures, sync.book.sequence) == (BookState.LIVE, [], 9)


def test_rest_book_when_a_delta_is_missing_then_a_gap_and_the_next_snapshot_mends_it():
    sync, cures = make()
    sync.snapshot(snapshot(3))
    sync.delta(delta(5, 6, [("99", "9")]))
    assert state(sync) is BookState.SYNCING
    assert "gap" in sync.reason
    assert cures == [Cause.GAP]
    assert sync.book.bids.best() == []
    sync.delta(delta(7, 7, [("97", "1")]))
    sync.snapshot(snapshot(5))
    assert state(sync) is BookState.LIVE
    assert sync.book.sequence == 7


def test_rest_book_when_deltas_have_a_gap_inside_the_buffer_then_it_does_not_go_live():
    sync, cures = make()
    sync.delta(delta(5, 6))
    sync.delta(delta(9, 9))
    sync.snapshot(snapshot(5))
    assert state(sync) is BookState.SYNCING
    assert cures == [Cause.GAP]
    sync.snapshot(snapshot(8))
    assert state(sync) is BookState.LIVE


def test_chained_book_when_a_delta_is_repeated_then_a_gap():
    sync, cures = make(CHAINED)
    sync.snapshot(snapshot(10))
    sync.delta(delta(11, 15))
    sync.delta(delta(11, 15))
    assert cures == [Cause.GAP]


def test_chained_book_when_a_keepalive_comes_then_it_stays_live():
    sync, cures = make(CHAINED)
    sync.snapshot(snapshot(10))
    sync.delta(delta(11, 10))
    sync.delta(delta(11, 15))
    assert (cures, sync.book.sequence) == ([], 15)


def test_stream_book_when_a_snapshot_comes_again_then_it_replaces():
    sync, _ = make(CHAINED)
    sync.snapshot(snapshot(10))
    sync.snapshot(snapshot(1, [("50", "1")], [("51", "1")]))
    assert sync.book.sequence == 1
    assert sync.book.bids.best()[0].price == D(50)
