from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.fakes.books import FakeBooks
from tests.fakes.orders import NOON, make_order, make_terms, make_ticket
from twap.domain.execution import ARRIVAL_RETRY, advance, grace, is_late, next_event_at
from twap.domain.schedule import Schedule
from twap.domain.verify import verify
from twap.ports.market import BookState
from twap.ports.order import MissReason, OrderStatus, Outcome, Progress, Randomize, Side

SECOND = timedelta(seconds=1)


def order_of(
    seconds=4, quantity="4", lot="0.1", limit="110", exchanges=("A",), terms=None, slices_total=None, **ticket
):
    return make_order(
        ticket=make_ticket(
            quantity=D(quantity),
            limit_price=D(limit),
            duration=seconds * SECOND,
            exchanges=exchanges,
            **ticket,
        ),
        terms=terms
        or tuple(
            make_terms(name, min_quantity=D(0), min_notional=D(0), taker_fee=D("0.001")) for name in exchanges
        ),
        lot_size=D(lot),
        created_at=NOON,
        starts_at=NOON,
        slices_total=slices_total or seconds,
        progress=Progress(),
    )


def books_of(**asks):
    books = FakeBooks()
    for exchange, levels in asks.items():
        books.show(exchange, bids={"99": "5"}, asks=levels)
    return books


def run(order, books, *seconds):
    slices = []
    for at in seconds:
        step = advance(order, NOON + at * SECOND, books)
        if step is not None:
            order = step.order
            slices += step.slices
    return order, slices


def test_advance_when_not_started_then_nothing_before_the_start():
    assert advance(order_of(), NOON - SECOND, books_of(A={"100": "9"})) is None
    assert next_event_at(order_of(), NOON - SECOND) == NOON


def test_advance_when_it_starts_then_executing_and_the_arrival_is_noted():
    order, slices = run(order_of(), books_of(A={"101": "9"}), 0)
    assert (order.status, order.progress.started_at) == (OrderStatus.EXECUTING, NOON)
    assert order.progress.arrival_mid == D(100)
    assert [(one.number, one.mid, one.filled) for one in slices] == [(0, D(100), D(0))]
    assert next_event_at(order, NOON) == NOON + SECOND


def test_advance_when_no_book_at_the_start_then_the_arrival_is_looked_for_again():
    books = FakeBooks()
    order, slices = run(order_of(), books, 0)
    assert (order.progress.arrival_mid, slices) == (None, [])
    assert next_event_at(order, NOON) == NOON + ARRIVAL_RETRY
    books.show("A", bids={"99": 1}, asks={"101": 1})
    order, slices = run(order, books, 1)
    assert order.progress.arrival_mid == D(100)
    assert [one.number for one in slices] == [0, 1]


def test_advance_when_liquidity_is_there_then_every_slice_fills_and_totals_are_exact():
    order, slices = run(order_of(), books_of(A={"101": "1.5", "102": "9"}), 0, 1, 2, 3, 4)
    assert (order.status, order.outcome) == (OrderStatus.COMPLETED, Outcome.FILLED)
    fills = [(str(f.price), str(f.quantity)) for one in slices for f in one.executions]
    # 101 shows 1.5 in all: what was taken there is not there again
    assert fills == [("101", "1.0"), ("101", "0.5"), ("102", "0.5"), ("102", "1.0"), ("102", "1.0")]
    assert order.progress.executed == D(4)
    assert order.progress.notional == D("1.5") * 101 + D("2.5") * 102
    assert order.progress.fees == order.progress.notional * D("0.001")
    assert order.progress.lots_count == 5
    assert order.progress.slices_done == 4
    assert order.progress.ended_at == NOON + 4 * SECOND
    first = slices[1].executions[0]
    assert first.id == f"{order.id}-1-1"
    assert (first.timestamp, first.book.sequence, first.book.age_ms) == (NOON + SECOND, 1, 40)


def test_advance_when_a_slice_finds_too_little_then_the_rest_is_carried_in_even_shares():
    books = books_of(A={"101": "0.4"})
    order, _ = run(order_of(), books, 0, 1)
    books.show("A", bids={"99": 5}, asks={"101": "90"})
    order, slices = run(order, books, 2, 3, 4)
    assert [str(one.target) for one in slices] == ["1.2", "1.2", "1.2"]
    assert order.outcome is Outcome.FILLED


def test_advance_when_the_book_is_stale_or_down_then_missed_with_the_reason():
    books = books_of(A={"101": "90"})
    books.set_state("A", BookState.STALE)
    order, slices = run(order_of(), books, 0, 1)
    assert [(one.reason, one.filled, one.mid) for one in slices] == [(MissReason.STALE, D(0), None)]
    books.set_state("A", BookState.DOWN)
    _, slices = run(order, books, 2)
    assert slices[-1].reason is MissReason.DOWN
    assert slices[-1].venues[0].state is BookState.DOWN


def test_advance_when_the_executor_was_away_then_missed_slices_are_late_and_only_the_newest_looks():
    _order, slices = run(order_of(10, "10"), books_of(A={"101": "90"}), 0, 5.5)
    assert [(one.number, one.reason) for one in slices[1:]] == [
        (1, MissReason.LATE),
        (2, MissReason.LATE),
        (3, MissReason.LATE),
        (4, MissReason.LATE),
        (5, None),
    ]
    # 4 behind over the 6 slices that remain: 0.7 more, not 4 at once
    assert slices[-1].filled == D("1.7")
    assert [one.venues for one in slices[1:5]] == [()] * 4


def test_advance_when_the_newest_slice_is_too_old_then_it_is_late_as_well():
    order, slices = run(order_of(1, "1"), books_of(A={"101": "9"}), 0, 2.1)
    assert slices[-1].reason is MissReason.LATE
    assert (order.status, order.outcome) == (OrderStatus.COMPLETED, Outcome.UNFILLED)


@pytest.mark.parametrize(("interval", "expected"), [(0.1, 1), (1, 1), (3, 3), (60, 5)])
def test_grace_when_any_interval_then_one_to_five_seconds(interval, expected):
    assert grace(timedelta(seconds=interval)) == timedelta(seconds=expected)


def test_advance_when_the_end_has_passed_long_ago_then_completed_with_reasons_and_without_a_burst():
    order, slices = run(order_of(), books_of(A={"101": "90"}), 9999)
    assert order.status is OrderStatus.COMPLETED
    assert {one.reason for one in slices} == {MissReason.LATE}
    assert (order.progress.executed, order.progress.arrival_mid) == (D(0), None)


@pytest.mark.parametrize(("late", "reason"), [(1, None), (1.1, MissReason.LATE), (3, MissReason.LATE)])
@pytest.mark.parametrize("latency_ms", [0, 250])
def test_advance_when_the_last_slice_comes_after_the_end_then_it_looks_within_a_second_or_not_at_all(
    late, reason, latency_ms
):
    slow = order_of(8, "2", interval=4 * SECOND, latency=timedelta(milliseconds=latency_ms), slices_total=2)
    books = books_of(A={"101": "90"})
    order, first = run(slow, books, 0, 4 + latency_ms / 1000)
    order, slices = run(order, books, 8 + latency_ms / 1000 + late)
    assert (slices[-1].number, slices[-1].reason) == (2, reason)
    assert (order.status, order.progress.executed) == (OrderStatus.COMPLETED, D(1) if reason else D(2))
    assert verify(order, [*first, *slices]) == []


def test_advance_when_only_the_last_look_with_latency_meets_a_book_then_the_arrival_is_noted():
    order = order_of(1, "1", latency=5 * SECOND)
    books = FakeBooks()
    order, _ = run(order, books, 0)
    books.show("A", bids={"99": 1}, asks={"101": 1})
    order, slices = run(order, books, 6)
    assert [(one.number, one.filled) for one in slices] == [(0, D(0)), (1, D(1))]
    assert order.progress.arrival_mid == D(100)
    assert verify(order, slices) == []


def test_advance_when_very_many_slices_were_missed_then_worked_off_in_bounded_steps():
    order = order_of(1201, "1201")
    books = books_of(A={"101": "90"})
    order, _slices = run(order, books, 5000)
    assert order.progress.slices_done == 500
    assert next_event_at(order, NOON + 5000 * SECOND) < NOON + 5000 * SECOND
    order, _ = run(order, books, 5000, 5000)
    assert (order.progress.slices_done, order.status) == (1201, OrderStatus.COMPLETED)


def test_advance_when_paused_then_slices_are_missed_and_carried_and_the_mid_is_sampled():
    books = books_of(A={"101": "90"})
    order, _ = run(order_of(), books, 0)
    order = order.advanced(replace(order.progress, status=OrderStatus.PAUSED))
    order, slices = run(order, books, 1)
    assert (slices[-1].reason, slices[-1].mid, slices[-1].filled) == (MissReason.PAUSED, D(100), D(0))
    order = order.advanced(replace(order.progress, status=OrderStatus.EXECUTING))
    order, _ = run(order, books, 2, 3, 4)
    assert order.outcome is Outcome.FILLED


def test_advance_when_paused_before_the_start_then_the_schedule_begins_all_the_same():
    order = order_of()
    order = order.advanced(replace(order.progress, status=OrderStatus.PAUSED))
    order, _ = run(order, books_of(A={"101": "90"}), 0)
    assert (order.status, order.progress.started_at) == (OrderStatus.PAUSED, NOON)


def test_advance_when_over_then_nothing():
    order = order_of()
    order = order.advanced(replace(order.progress, status=OrderStatus.CANCELED))
    assert advance(order, NOON + SECOND, FakeBooks()) is None
    assert next_event_at(order, NOON) is None


def test_advance_when_a_level_grows_then_only_the_increase_is_new():
    books = books_of(A={"101": "0.5"})
    order, _ = run(order_of(), books, 0, 1)
    books.show("A", bids={"99": 5}, asks={"101": "0.7"})
    order, slices = run(order, books, 2)
    assert slices[-1].filled == D("0.2")
    assert slices[-1].taken == {("A", D(101)): D("0.5")}


def test_advance_when_a_level_vanished_then_it_starts_afresh():
    books = books_of(A={"101": "0.5"})
    order, _ = run(order_of(), books, 0, 1)
    books.show("A", bids={"99": 5}, asks={"102": "0.1"})
    order, _ = run(order, books, 2)
    books.show("A", bids={"99": 5}, asks={"101": "0.5"})
    order, slices = run(order, books, 3)
    assert slices[-1].filled == D("0.5")


def test_advance_when_the_exchange_is_away_for_a_look_then_the_memory_stays():
    books = books_of(A={"101": "0.5"})
    order, _ = run(order_of(), books, 0, 1)
    books.set_state("A", BookState.STALE)
    order, _ = run(order, books, 2)
    books.set_state("A", BookState.LIVE)
    _, slices = run(order, books, 3)
    assert (slices[-1].filled, slices[-1].reason) == (D(0), MissReason.NO_LIQUIDITY)


def test_advance_when_others_took_from_the_level_then_it_is_shared():
    step = advance(order_of(), NOON, books_of(A={"101": "1"}))
    step = advance(step.order, NOON + SECOND, books_of(A={"101": "1"}), others_took={("A", D(101)): D("0.6")})
    assert step.executions[0].quantity == D("0.4")
    assert step.order.progress.taken == {("A", D(101)): D("0.4")}


def test_advance_when_several_exchanges_then_the_mid_is_of_all_and_fees_are_each_ones_own():
    terms = (
        make_terms("A", min_notional=D(0), taker_fee=D("0.001")),
        make_terms("B", min_notional=D(0), taker_fee=D("0.002")),
    )
    books = books_of(A={"101": "0.5"})
    books.show("B", bids={"99.5": 1}, asks={"100.5": "0.5"})
    _order, slices = run(order_of(exchanges=("A", "B"), terms=terms), books, 0, 1)
    assert slices[-1].mid == D(100)
    assert [(f.exchange, f.fee) for f in slices[-1].executions] == [("B", D("0.1005")), ("A", D("0.0505"))]


def test_advance_when_selling_then_at_the_bids_and_never_below_the_limit():
    books = FakeBooks()
    books.show("A", bids={"99": "0.3", "98": "0.3", "97": 9}, asks={"101": 1})
    _order, slices = run(order_of(side=Side.SELL, limit="98"), books, 0, 1)
    assert [str(f.price) for f in slices[-1].executions] == ["99", "98"]
    assert slices[-1].reason is MissReason.BEYOND_LIMIT


def test_advance_when_there_is_latency_then_the_look_comes_that_much_later():
    order = order_of(latency=timedelta(milliseconds=500))
    books = books_of(A={"101": "90"})
    order, _ = run(order, books, 0)
    assert next_event_at(order, NOON) == NOON + 1.5 * SECOND
    assert advance(order, NOON + 1.4 * SECOND, books) is None
    _, slices = run(order, books, 1.5)
    assert (slices[0].due_at, slices[0].looked_at) == (NOON + SECOND, NOON + 1.5 * SECOND)


def test_advance_when_an_empty_slice_comes_then_it_has_no_reason():
    _order, slices = run(order_of(4, "0.1"), books_of(A={"101": "90"}), 0, 1, 2, 3, 4)
    assert [str(one.filled) for one in slices[1:]] == ["0.0", "0.0", "0.0", "0.1"]
    assert {one.reason for one in slices} == {None}


def test_advance_when_randomised_then_exact_all_the_same():
    order = order_of(8, "8", randomize=Randomize(D("0.5"), D("0.5"), 42))
    books = books_of(A={"101": "90"})
    order, slices = run(order, books, *(x / 10 for x in range(81)))
    assert order.outcome is Outcome.FILLED
    assert len({one.planned for one in slices[1:]}) > 1


@pytest.mark.parametrize("latency_ms", [0, 250])
@pytest.mark.parametrize("interval_ms", [300, 1000, 3000, 20_000])
@pytest.mark.parametrize("number", [1, 3])
def test_is_late_when_any_delay_then_after_the_grace_or_a_second_after_the_end(
    interval_ms, latency_ms, number
):
    latency, interval = timedelta(milliseconds=latency_ms), timedelta(milliseconds=interval_ms)
    schedule = Schedule(NOON, 3 * interval, interval, lots=30, slices=3)
    due_at, end = schedule.due_at(number), schedule.ends_at
    for delay_ms in range(0, 7000, 50):
        asked_at = due_at + timedelta(milliseconds=delay_ms)
        late = asked_at > due_at + grace(interval) or asked_at > end + SECOND
        assert is_late(schedule, due_at, asked_at + latency, latency) == late
