from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import NOON, make_order
from tests.fakes.runs import chance_of, random_order, random_run, with_progress
from twap.domain.schedule import Schedule
from twap.domain.verify import verify
from twap.ports.market import BookState
from twap.ports.order import MissReason, OrderStatus, Side

seeds = st.integers(0, 2**32)
quickly = settings(max_examples=120, deadline=None, derandomize=True)


def finished(**changes):
    """Four slices over two exchanges, with carry-over and liquidity memory."""
    order = make_order(
        quantity=D(10),
        limit_price=D(103),
        duration=timedelta(seconds=4),
        slices_total=4,
        lot_size=D("0.1"),
        **changes,
    )
    books = FakeBooks()
    books.show("Kraken", bids={98: 5}, asks={"100.5": "0.75", 102: 2})

    def before(now, order):
        step = order.progress.slices_done
        books.show("Binance", bids={99: 5}, asks={100 + D(step) / 10: 1, 101: 1, 104: 9}, at=now)

    return run_order(order, books, before=before)


def at(slices, number, **changes):
    return [replace(one, **changes) if one.number == number else one for one in slices]


def refilled(one, position=0, **changes):
    fills = list(one.executions)
    fills[position] = replace(fills[position], **changes)
    return tuple(fills)


def relevelled(one, exchange, at_price, **changes):
    return tuple(
        replace(
            look,
            levels=tuple(replace(x, **changes) if x.price == at_price else x for x in look.levels),
        )
        if look.exchange == exchange
        else look
        for look in one.venues
    )


def named(order, slices):
    return [(each.slice, each.field) for each in verify(order, slices)]


@given(seeds)
@quickly
def test_verify_when_nothing_was_changed_then_nothing_is_found(seed):
    order, slices = random_run(seed)
    assert [str(each) for each in verify(order, slices)] == []


@given(seeds)
@quickly
def test_orders_when_run_over_random_books_then_every_invariant_holds(seed):
    order, slices = random_run(seed)
    ticket, progress = order.ticket, order.progress
    fills = [fill for one in slices for fill in one.executions]
    assert sum(fill.quantity for fill in fills) == progress.executed <= ticket.quantity
    assert sum(fill.price * fill.quantity for fill in fills) == progress.notional
    assert (sum(fill.fee for fill in fills), len(fills)) == (progress.fees, progress.lots_count)
    sign = 1 if ticket.side is Side.BUY else -1
    assert all(sign * fill.price <= sign * ticket.limit_price for fill in fills)
    assert all(fill.quantity % order.lot_size == 0 for fill in fills)
    for one in slices:
        looks = {look.exchange: look for look in one.venues}
        for fill in one.executions:
            assert looks[fill.exchange].state is BookState.LIVE
            level = next(x for x in looks[fill.exchange].levels if x.price == fill.price)
            assert fill.quantity <= level.quantity - one.taken.get((fill.exchange, fill.price), 0)
        assert (one.reason is None) == (one.filled == one.target)


@given(seeds)
@quickly
def test_levels_when_unchanged_over_time_then_never_more_is_taken_than_was_displayed(seed):
    """Between two changes of a level, all fills together stay within what it displays."""
    _, slices = random_run(seed)
    used = {}
    for one in slices:
        for look in one.venues:
            for level in look.levels:
                key = (look.exchange, level.price)
                before, displayed = used.get(key, (D(0), level.quantity))
                fills = (x.quantity for x in one.executions if (x.exchange, x.price) == key)
                kept = displayed == level.quantity and one.taken.get(key)
                now = sum(fills, before if kept else D(0))
                assert now <= level.quantity
                used[key] = (now, level.quantity)


@given(seeds)
@quickly
def test_schedule_when_random_then_the_total_is_exact(seed):
    order = random_order(chance_of(seed))
    schedule = Schedule.of(order)
    planned = [schedule.planned(number) for number in range(1, schedule.slices + 1)]
    assert sum(planned) * order.lot_size == order.ticket.quantity
    assert min(planned) >= 0


@given(seeds, seeds)
@quickly
def test_verify_when_one_stored_digit_is_changed_then_it_is_named(seed, choice):
    order, slices = random_run(seed)
    chance = chance_of(choice)
    number, field, changed_order, changed_slices = changed_digit(order, slices, chance)
    assert (number, field) in named(changed_order, changed_slices)


def changed_digit(order, slices, chance):
    """One number of one slice, fill or total, one unit in its last place away."""
    filled = [one for one in slices if one.executions]
    one = chance.choice(filled or [None])
    kinds = ["executed", "notional", "fees", "lots_count"]
    kind = chance.choice(kinds + (["planned", "target", "filled", "quantity", "price", "fee"] if one else []))
    if kind in kinds:
        changed = with_progress(order, **{kind: bumped(getattr(order.progress, kind))})
        return None, kind, changed, slices
    if kind in ("planned", "target", "filled"):
        return one.number, kind, order, at(slices, one.number, **{kind: bumped(getattr(one, kind))})
    position = chance.randrange(len(one.executions))
    fills = refilled(one, position, **{kind: bumped(getattr(one.executions[position], kind))})
    return one.number, f"executions[{position + 1}].{kind}", order, at(slices, one.number, executions=fills)


def bumped(value):
    return value + 1 if isinstance(value, int) else value + D(1).scaleb(value.as_tuple().exponent)


def test_verify_when_a_level_that_was_used_up_is_changed_then_the_slice_is_named():
    order, slices = finished()
    looks = relevelled(slices[1], "Binance", D(100), quantity=D("0.9"))
    assert named(order, at(slices, 1, venues=looks))[0] == (1, "executions[1].quantity")


def test_verify_when_the_price_of_a_used_level_is_changed_then_the_fill_is_named():
    order, slices = finished()
    looks = relevelled(slices[1], "Binance", D(100), price=D("100.01"))
    found = named(order, at(slices, 1, venues=looks))
    assert (1, "executions[1].price") in found
    assert (1, "mid") in found


def test_verify_when_a_remembered_quantity_is_changed_then_the_level_is_named():
    order, slices = finished()
    taken = {**slices[3].taken, ("Kraken", D("100.5")): D("0.6")}
    assert (3, "Kraken level 100.5 taken") in named(order, at(slices, 3, taken=taken))


def test_verify_when_a_level_behind_a_look_is_not_one_then_it_is_named():
    order, slices = finished()
    assert (3, "Kraken deeper level") in named(order, at(slices, 3, deeper={("Kraken", D("100.5")): D(1)}))
    assert (3, "Kraken deeper level") in named(order, at(slices, 3, deeper={("Kraken", D(500)): D(1)}))


def test_verify_when_levels_are_out_of_order_then_the_price_is_named():
    order, slices = finished()
    looks = relevelled(slices[4], "Binance", D(104), price=D("99.5"))
    assert (4, "Binance level 99.5 price") in named(order, at(slices, 4, venues=looks))


def test_verify_when_the_memory_is_shared_then_a_look_may_hold_more_but_not_less():
    order, slices = finished(exchanges=("Binance", "Kraken"))
    more = {**slices[4].taken, ("Binance", D(104)): D(2)}
    assert verify(order, at(slices, 4, taken=more)) != []
    assert verify(order, at(slices, 4, taken=more), shared=True) == []
    less = {**slices[4].taken, ("Kraken", D("100.5")): D("0.1")}
    found = [str(each) for each in verify(order, at(slices, 4, taken=less), shared=True)]
    assert found[0] == "slice 4: Kraken level 100.5 taken is 0.1, expected 0.7 to 0.75"


@pytest.mark.parametrize("field", ["sequence", "age_ms", "exchange_time"])
def test_verify_when_the_book_of_a_fill_is_changed_then_it_is_named(field):
    order, slices = finished()
    stamp = slices[2].executions[0].book
    value = NOON - timedelta(1) if field == "exchange_time" else 7_000_000
    fills = refilled(slices[2], book=replace(stamp, **{field: value}))
    assert named(order, at(slices, 2, executions=fills)) == [(2, f"executions[1].book.{field}")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due_at": NOON}, "due_at"),
        ({"mid": D(99)}, "mid"),
        ({"reason": None}, "reason"),
        ({"reason": MissReason.STALE}, "reason"),
        ({"executions": ()}, "executions"),
        ({"order_id": "other"}, "order_id"),
        ({"venues": ()}, "venues"),
        ({"looked_at": NOON + timedelta(seconds=20)}, "looks"),
        ({"intact": False}, "looks"),
    ],
)
def test_verify_when_a_field_of_a_slice_is_changed_then_it_is_named(changes, field):
    order, slices = finished()
    found = named(order, at(slices, 4, **changes))
    assert any(number == 4 and field in (name, "venues") for number, name in found), found


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": OrderStatus.CANCELED}, "status"),
        ({"slices_done": 3}, "slices_done"),
        ({"slices_done": 2**62}, "slices_done"),
        ({"ended_at": None}, "ended_at"),
        ({"started_at": None}, "started_at"),
        ({"started_at": NOON - timedelta(seconds=1)}, "started_at"),
        ({"started_at": NOON + timedelta(milliseconds=1)}, "started_at"),
        ({"arrival_mid": D(100)}, "arrival_mid"),
        ({"executed": D(11)}, "executed"),
        ({"taken": {("Binance", D(101)): D("0.3")}}, "taken Binance 101"),
    ],
)
def test_verify_when_a_field_of_the_order_is_changed_then_it_is_named(changes, field):
    order, slices = finished()
    assert (None, field) in named(with_progress(order, **changes), slices)


def test_verify_when_the_request_is_not_as_it_was_stored_then_it_is_named():
    order, slices = finished()
    assert named(replace(order, intact=False), slices) == [(None, "request")]
    assert named(replace(order, intact=False, lot_size=D(0)), slices) == [(None, "request")]


def test_verify_when_a_slice_names_the_look_of_another_order_then_it_is_named():
    order, slices = finished()
    looks = tuple(replace(look, exchange="OKX") for look in slices[2].venues[:1])
    assert named(order, at(slices, 2, venues=looks, intact=False))[:2] == [(2, "looks"), (2, "venues")]


def test_verify_when_the_terms_name_another_exchange_then_the_request_is_named():
    order, slices = finished()
    terms = (replace(order.terms[0], exchange="OKX"), *order.terms[1:])
    assert named(replace(order, intact=False, terms=terms), slices)[0] == (None, "request")


def test_verify_when_the_start_is_not_that_of_the_request_then_it_is_named():
    order, slices = finished()
    assert (None, "starts_at") in named(replace(order, created_at=NOON - timedelta(microseconds=1)), slices)
    asked = replace(order.ticket, start_at=NOON)
    assert named(replace(order, ticket=asked, created_at=NOON - timedelta(hours=1)), slices) == []


def test_verify_when_a_slice_is_missing_or_twice_there_then_the_count_is_named():
    order, slices = finished()
    assert (None, "slices_done") in named(order, [one for one in slices if one.number != 2])
    assert (None, "slices_done") in named(order, [*slices, slices[-1]])
    assert (9, "number") in named(order, [*slices, replace(slices[-1], number=9)])


def test_verify_when_the_arrival_look_is_gone_or_moved_then_it_is_named():
    order, slices = finished()
    assert (0, "number") in named(order, slices[1:])
    assert (0, "looked_at") in named(order, at(slices, 0, looked_at=NOON + timedelta(seconds=3)))


def test_verify_when_a_dead_book_holds_levels_then_it_is_named():
    order, slices = finished()
    looks = tuple(replace(look, state=BookState.STALE) for look in slices[2].venues)
    assert (2, "Binance levels") in named(order, at(slices, 2, venues=looks))


def test_verify_when_the_order_still_runs_then_slices_it_does_not_know_are_left_out():
    order, _ = finished()
    earlier = order

    def before(now, running):
        nonlocal earlier
        if running.progress.slices_done == 2:
            earlier = running

    books = FakeBooks()
    books.show("Binance", bids={99: 5}, asks={100: 1})
    books.show("Kraken", bids={99: 5}, asks={101: 9})
    start = order.advanced(replace(order.progress, **_fresh()))
    _, known = run_order(start, books, before=before)
    assert earlier.progress.slices_done == 2
    assert verify(earlier, known) == []


def _fresh():
    return {name: getattr(make_order().progress, name) for name in make_order().progress.__dataclass_fields__}


def test_discrepancy_when_printed_then_it_says_where_and_what():
    order, slices = finished()
    fills = refilled(slices[1], price=D("100.10"))
    assert str(verify(order, at(slices, 1, executions=fills))[0]) == (
        "slice 1: executions[1].price is 100.10, expected 100"
    )


@given(seeds)
@quickly
def test_verify_when_the_memory_was_shared_then_nothing_is_found_if_that_is_said(seed):
    prices = [D(cents) / 100 for cents in range(9900, 10000)]
    others = {(name, price): D("0.2") for name in ("Binance", "Kraken") for price in prices}
    order, slices = random_run(seed, others_took=others)
    assert [str(each) for each in verify(order, slices, shared=True)] == []
