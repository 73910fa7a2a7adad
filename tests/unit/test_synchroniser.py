from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twap.domain.book import PriceTexts
from twap.domain.synchroniser import Synchroniser
from twap.ports.events import Delta, Snapshot
from twap.ports.exchange import BookRules, Checksum
from twap.ports.feed import Cause, Pulse
from twap.ports.market import BookState, Instrument

LOT = D("0.01")
INSTRUMENT = Instrument("Acme", "BTCUSDT", "BTC-USDT", "BTC", "USDT", LOT, LOT)
BY_REST = BookRules(snapshot_by_rest=True, contiguous=True, drops_old=True)
CHAINED = BookRules(contiguous=True)
BIDS, ASKS = [("99", "1")], [("101", "1")]


class Cures(list):
    def __call__(self, cause, reason):
        self.append(cause)


def make(rules=BY_REST, connected=True):
    cures = Cures()
    sync = Synchroniser(INSTRUMENT, rules, PriceTexts(), cures)
    if connected:
        sync.connected(Pulse(0.0))
    return sync, cures


def snapshot(sequence, bids=BIDS, asks=ASKS, checksum=None):
    return Snapshot("BTC-USDT", bids, asks, sequence, 1_700_000_000_000, checksum)


def delta(first, last, bids=(), asks=(), checksum=None):
    return Delta("BTC-USDT", first, last, bids, asks, 1_700_000_000_500, checksum)


def state(sync, now=0.0):
    return sync.state(now, 5.0)


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


# -- a simple true exchange against the state machine, under any interleaving


class TrueExchange:
    """Every book it ever had, by sequence; frames to lose, repeat, or deliver late."""

    def __init__(self):
        self.sequence, self.book = 0, {}
        self.books = {0: {}}
        self.frames = []

    def change(self, changes):
        first = self.sequence + 1
        for price, quantity in changes:
            self.sequence += 1
            self.book = {**self.book, price: quantity}
            if not quantity:
                del self.book[price]
            self.books[self.sequence] = self.book
        self.frames.append(delta(first, self.sequence, [(str(p), str(q)) for p, q in changes]))

    def snapshot(self):
        return snapshot(self.sequence, [(str(p), str(q)) for p, q in self.book.items()], [])


CHANGE = st.tuples(st.integers(1, 12), st.integers(0, 3))
STEPS = st.lists(
    st.one_of(
        st.lists(CHANGE, min_size=1, max_size=4).map(lambda changes: ("change", changes)),
        st.sampled_from(
            ["deliver", "deliver", "lose", "repeat", "take", "answer", "answer", "reconnect"]
        ).map(lambda what: (what, None)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("rules", [BY_REST, CHAINED], ids=["rest", "chained"])
@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_book_when_frames_are_lost_repeated_and_late_then_live_means_true(rules, steps):
    exchange, answers = TrueExchange(), []
    sync, _ = make(rules)
    delivered = []
    for what, changes in steps:
        if what == "change":
            exchange.change(changes)
        elif what == "deliver" and exchange.frames:
            delivered.append(exchange.frames.pop(0))
            sync.delta(delivered[-1])
        elif what == "lose" and exchange.frames:
            exchange.frames.pop(0)
        elif what == "repeat" and delivered:
            sync.delta(delivered[-1])
        elif what == "take":
            answers.append(exchange.snapshot())
        elif what == "answer" and answers:
            answer = answers.pop(0)
            if rules is CHAINED:  # in the stream: in order with its frames
                exchange.frames.clear()
                answer = exchange.snapshot()
            sync.snapshot(answer)
        elif what == "reconnect":
            exchange.frames.clear()
            answers.clear()
            sync.connected(Pulse(0.0))
        if sync.is_true:
            found = {int(x.price): int(x.quantity) for x in sync.book.bids.best()}
            assert found == exchange.books[sync.book.sequence]
