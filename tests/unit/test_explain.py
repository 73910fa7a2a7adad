from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import NOON, make_order, make_terms
from tests.fakes.runs import random_run
from twap.domain.explain import as_text, explain
from twap.domain.lifecycle import moved
from twap.ports.market import BookState
from twap.ports.order import FeeRanking, OrderStatus

seeds = st.integers(0, 2**32)


def run(books, before=lambda now, order: None, terms=None, **changes):
    fields = {
        "id": "ab12",
        "quantity": D(4),
        "limit_price": D(103),
        "duration": timedelta(seconds=2),
        "slices_total": 2,
        "lot_size": D("0.1"),
        "exchanges": ("Binance", "Kraken"),
    } | changes
    free = {name: make_terms(name, min_quantity=D(0), min_notional=D(0)) for name in fields["exchanges"]}
    order = make_order(**fields, terms=tuple((free | (terms or {})).values()))
    return run_order(order, books, before=before)


def two_books():
    books = FakeBooks()
    books.show("Binance", bids={99: 5}, asks={100: 1, 101: "0.05", 102: 3, 104: 9}, at=NOON)
    books.show("Kraken", bids={98: 5}, asks={"100.5": "0.75", 102: 5})
    return books


def outcomes(explanation):
    return [
        (x["exchange"], f"{x['price']:f}", f"{x['filled']:f}", x["outcome"]) for x in explanation["levels"]
    ]


def test_explain_when_a_slice_sweeps_two_books_then_each_level_says_what_it_gave():
    order, slices = run(two_books())
    assert outcomes(explain(order, slices[1])) == [
        ("Binance", "100", "1.0", "filled: all that was available"),
        ("Kraken", "100.5", "0.7", "filled: all that was available"),
        ("Binance", "101", "0", "less than one lot is left"),
        ("Kraken", "102", "0.3", "filled in part: the target is reached"),
        ("Binance", "102", "0", "not needed: the target is reached"),
        ("Binance", "104", "0", "beyond the limit"),
    ]
    assert outcomes(explain(order, slices[2]))[0] == (
        "Binance",
        "100",
        "0",
        "nothing left: the order took it before",
    )


def test_explain_when_ranked_after_fees_then_the_rank_price_holds_the_fee():
    dear = {"Binance": make_terms("Binance", min_quantity=D(0), min_notional=D(0), taker_fee=D("0.01"))}
    order, slices = run(two_books(), terms=dear, fees=FeeRanking.INCLUDE)
    explanation = explain(order, slices[1])
    assert explanation["ranking"] == "price after taker fee"
    assert [(x["exchange"], x["rank_price"]) for x in explanation["levels"]][:2] == [
        ("Kraken", D("100.6005")),
        ("Binance", D("101.00")),
    ]


def test_explain_when_an_exchange_is_below_its_minimum_then_its_levels_say_so():
    terms = {"Binance": make_terms("Binance", min_quantity=D(0), min_notional=D(500))}
    order, slices = run(two_books(), terms=terms)
    assert outcomes(explain(order, slices[1]))[0] == ("Binance", "100", "0", "below the minimum of Binance")
    assert slices[1].filled == 2


def test_explain_when_participation_bounds_then_it_shows_how():
    order, slices = run(two_books(), max_participation=D("0.1"))
    explanation = explain(order, slices[1])
    assert explanation["participation"] == {
        "max_participation": D("0.1"),
        "visible": D("9.8"),
        "allowed": D("0.9"),
    }
    assert outcomes(explanation)[0][3] == "filled in part: max_participation is reached"
    assert outcomes(explanation)[1][3] == "not needed: max_participation is reached"
    assert explanation["reason"] == "participation"


def test_target_when_behind_then_it_says_how_it_came_about():
    books = two_books()

    def before(now, order):
        down = now < NOON + timedelta(seconds=2)
        for name in order.ticket.exchanges:
            books.set_state(name, BookState.DOWN if down else BookState.LIVE)

    order, slices = run(books, before=before, catch_up=D("1.5"))
    missed = explain(order, slices[1])
    assert (slices[0].number, slices[1].number) == (0, 1)
    assert missed["reason_text"] == "every exchange of the order was away"
    assert missed["venues"][0]["state"] == "down"
    assert missed["levels"] == []
    target = explain(order, slices[2], executed_before=D(0))["target"]
    assert target == {
        "planned": D(2),
        "planned_before": D(2),
        "behind": D(2),
        "slices_left": 1,
        "carried": D(1),
        "catch_up": D("1.5"),
        "most": D(3),
        "bounded_by_catch_up": True,
        "target": D(3),
    }
    assert explain(order, slices[2])["target"]["behind"] is None


def test_explain_when_arrival_paused_or_late_then_levels_say_why_nothing_was_filled():
    def before(now, order):
        running = order.status is OrderStatus.EXECUTING
        return moved(order, OrderStatus.PAUSED, now) if running else None

    order, slices = run(two_books(), before=before)
    assert {x["outcome"] for x in explain(order, slices[0])["levels"]} == {
        "the look at arrival fills nothing"
    }
    assert explain(order, slices[0])["target"] is None
    assert {x["outcome"] for x in explain(order, slices[1])["levels"]} == {"the order was paused"}
    late = replace(slices[2], venues=(), mid=None)
    assert "No look was taken." in as_text(explain(order, late))


def test_as_text_when_a_slice_is_explained_then_a_person_can_read_it():
    order, slices = run(two_books())
    text = as_text(explain(order, slices[2], executed_before=D(2)))
    assert text == (
        "Slice 2 of order ab12: buy BTCUSDT, limit 103\n"
        "due 2025-02-01T12:00:02.000Z, looked at 2025-02-01T12:00:02.000Z, mid 99.5\n"
        "target 2 = planned 2 + carried 0, at most 6 (3 x planned)\n"
        "behind plan by 0, spread over 1 slices\n"
        "filled 2\n"
        "\n"
        "exchange  book  sequence  exchange time             age ms  other side  taker fee\n"
        "Binance   live         1  2025-02-01T12:00:00.000Z      40          99      0.001\n"
        "Kraken    live         2  -                             40          98      0.001\n"
        "\n"
        "Levels as they were considered, by price:\n"
        "#  exchange  price  ranked at  displayed  taken before  available  filled\n"
        "1  Binance     100        100          1             1          0       0"
        "  nothing left: the order took it before\n"
        "2  Kraken    100.5      100.5       0.75           0.7          0       0"
        "  less than one lot is left\n"
        "3  Binance     101        101       0.05             0          0       0"
        "  less than one lot is left\n"
        "4  Kraken      102        102          5           0.3        4.7       2"
        "  filled in part: the target is reached\n"
        "5  Binance     102        102          3             0          3       0"
        "  not needed: the target is reached\n"
        "6  Binance     104        104          9             0          9       0  beyond the limit\n"
    )


@given(seeds)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_explain_when_any_slice_then_its_fills_stand_on_its_levels_and_all_is_plain(seed):
    order, slices = random_run(seed)
    for one in slices:
        explanation = explain(order, one)
        assert sum((x["filled"] for x in explanation["levels"]), D(0)) == one.filled
        assert "not taken" not in {x["outcome"] for x in explanation["levels"]}
        assert plain(explanation)
        assert as_text(explanation).startswith(f"Slice {one.number} of order {order.id}")


def plain(value):
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    return value is None or type(value) in (D, str, int, bool, datetime)
