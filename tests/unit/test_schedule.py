from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twap.domain.schedule import Schedule, planned_and_target, slice_count, split, target
from twap.ports.order import Randomize

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def make(lots=100, slices=10, interval=SECOND, duration=None, randomize=None):
    return Schedule(NOON, duration or slices * interval, interval, lots, slices, randomize)


@pytest.mark.parametrize(
    ("duration", "interval", "count"),
    [
        ("10", "1", 10),
        ("10", "3", 4),
        ("1", "0.1", 10),
        ("1", "0.3", 4),
        ("86400", "0.1", 864_000),
        ("5", "5", 1),
    ],
)
def test_slice_count_when_the_interval_does_not_divide_then_rounded_up(duration, interval, count):
    assert slice_count(timedelta(seconds=float(duration)), timedelta(seconds=float(interval))) == count


@given(lots=st.integers(1, 10**9), slices=st.integers(1, 5_000))
def test_split_when_any_total_then_exact_and_even(lots, slices):
    parts = split(lots, slices)
    assert (sum(parts), len(parts)) == (lots, slices)
    assert max(parts) - min(parts) <= 1


@given(
    lots=st.integers(1, 10**6),
    slices=st.integers(1, 300),
    size=st.decimals(0, D("0.5"), places=3),
    time=st.decimals(0, D("0.5"), places=3),
    seed=st.integers(),
)
def test_random_schedule_when_any_seed_then_exact_within_bounds_and_in_order(lots, slices, size, time, seed):
    schedule = make(lots, slices, randomize=Randomize(size, time, seed))
    even = split(lots, slices)
    planned = [schedule.planned(k) for k in range(1, slices + 1)]
    assert sum(planned) == lots
    for plan, base in zip(planned, even, strict=True):
        assert abs(plan - base) <= size * (base + 1)
        assert plan >= 0
    due = [schedule.due_at(k) for k in range(1, slices + 1)]
    assert due == sorted(due)
    assert due[-1] <= schedule.ends_at
    for k, at in enumerate(due, 1):
        stray = abs(at - (NOON + k * SECOND))
        assert stray // timedelta(milliseconds=1) <= time * 1000
    assert schedule == make(lots, slices, randomize=Randomize(size, time, seed))
    assert planned == [schedule.planned(k) for k in range(1, slices + 1)]


def test_random_schedule_when_the_seed_differs_then_so_do_the_slices():
    plans = {
        tuple(make(1000, 10, randomize=Randomize(D("0.5"), D(0), seed)).planned(k) for k in range(1, 11))
        for seed in range(5)
    }
    assert len(plans) == 5


def test_schedule_when_more_slices_than_lots_then_some_are_empty():
    schedule = make(lots=3, slices=10)
    assert sum(schedule.planned(k) == 0 for k in range(1, 11)) == schedule.empty_slices() == 7


def test_due_at_when_the_last_interval_is_partial_then_the_last_slice_is_due_at_the_end():
    schedule = make(slices=4, interval=3 * SECOND, duration=10 * SECOND)
    assert [(schedule.due_at(k) - NOON) / SECOND for k in (1, 2, 3, 4)] == [3, 6, 9, 10]


def test_latest_due_when_the_executor_is_late_then_the_schedule_does_not_shift():
    schedule = make(slices=5)
    none = timedelta(0)
    assert schedule.latest_due(NOON + 0.9 * SECOND, none) == 0
    assert schedule.latest_due(NOON + 3.4 * SECOND, none) == 3
    assert schedule.latest_due(NOON + 3.4 * SECOND, 0.5 * SECOND) == 2
    assert schedule.latest_due(NOON + 99 * SECOND, none) == 5
    assert schedule.latest_due(NOON - SECOND, none) == 0


@given(st.integers(1, 50), st.integers(0, 80_000), st.decimals(0, D("0.5"), places=2), st.integers(0, 3000))
def test_latest_due_when_computed_then_it_is_the_last_of_those_that_are_due(slices, at_ms, time, latency_ms):
    schedule = make(slices=slices, randomize=Randomize(D(0), time, 7))
    now, latency = NOON + timedelta(milliseconds=at_ms), timedelta(milliseconds=latency_ms)
    due = [k for k in range(1, slices + 1) if schedule.due_at(k) + latency <= now]
    assert schedule.latest_due(now, latency) == (max(due) if due else 0)


def test_target_when_nothing_is_behind_then_the_plan():
    assert target(make(100, 10), 3, executed_lots=20, catch_up=D(3)) == 10


def test_target_when_behind_then_an_even_share_rounded_up():
    # 20 lots behind over the 8 slices that remain: 2.5 each
    assert target(make(100, 10), 3, executed_lots=0, catch_up=D(3)) == 13


def test_target_when_far_behind_then_bounded_by_catch_up():
    assert target(make(100, 10), 10, executed_lots=0, catch_up=D(3)) == 30
    assert target(make(100, 10), 10, executed_lots=0, catch_up=D("2.59")) == 25
    assert target(make(100, 10), 10, executed_lots=0, catch_up=D(1)) == 10


def test_target_when_the_slice_is_empty_then_it_stays_empty():
    schedule = make(lots=1, slices=3)
    empty = next(k for k in (1, 2, 3) if not schedule.planned(k))
    assert target(schedule, empty, executed_lots=0, catch_up=D(3)) == 0


@given(
    st.integers(1, 2_000),
    st.integers(1, 60),
    st.lists(st.decimals(0, 1, places=2), min_size=60, max_size=60),
    st.decimals(1, 100, places=1),
)
def test_target_when_slices_fill_partly_then_never_more_than_the_total(lots, slices, rates, catch_up):
    schedule, executed = make(lots, slices), 0
    for number in range(1, slices + 1):
        wanted = target(schedule, number, executed, catch_up)
        assert 0 <= wanted <= catch_up * schedule.planned(number)
        executed += int(wanted * rates[number - 1])
    assert executed <= lots


@given(st.integers(1, 2_000), st.integers(1, 60))
def test_target_when_everything_fills_then_the_total_exactly(lots, slices):
    schedule, executed = make(lots, slices), 0
    for number in range(1, slices + 1):
        executed += target(schedule, number, executed, D(3))
    assert executed == lots


@given(
    slices=st.integers(1, 40),
    done=st.integers(0, 39),
    at_ms=st.integers(-1_000, 60_000),
    most=st.integers(1, 5),
    randomize=st.none() | st.builds(Randomize, time=st.decimals(0, D("0.5"), places=2), seed=st.just(7)),
    short_ms=st.integers(0, 999),
)
def test_due_after_when_computed_then_as_latest_due_and_due_at_say(
    slices, done, at_ms, most, randomize, short_ms
):
    duration = slices * SECOND - timedelta(milliseconds=short_ms)
    schedule = make(slices=slices, duration=duration, randomize=randomize)
    looked_at = NOON + timedelta(milliseconds=at_ms)
    newest, due = schedule.due_after(done, looked_at, most)
    assert newest == schedule.latest_due(looked_at, timedelta(0))
    assert list(due) == [schedule.due_at(k) for k in range(done + 1, min(newest, done + most) + 1)]


@given(st.integers(1, 500), st.integers(1, 40), st.integers(0, 500), st.integers(1, 40))
def test_planned_and_target_when_computed_then_the_plan_of_the_slice_and_its_target(
    lots, slices, executed, number
):
    schedule, number = make(lots, slices, randomize=Randomize(size=D("0.4"), seed=3)), min(number, slices)
    planned, wanted = planned_and_target(schedule, number, executed, D(3))
    assert planned == schedule.planned(number)
    assert wanted == target(schedule, number, executed, D(3))
