"""The worked example of docs/execution-model.md, recomputed from the numbers that stand there."""

from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import make_order, make_terms
from twap.domain import report
from twap.domain.explain import explain
from twap.domain.verify import verify
from twap.ports.market import BookState

DOCUMENT = Path(__file__).parents[2] / "docs" / "execution-model.md"


def tables():
    """By their headings: rows as dicts of text."""
    found, head = {}, None
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if head is None:
            head = cells
            found[head] = []
        elif set("".join(cells)) != {"-"}:
            found[head].append(dict(zip(head, cells, strict=True)))
    return found


def table(*head):
    return next(rows for names, rows in tables().items() if names[: len(head)] == head)


def asks_of(text):
    return dict(level.split(" × ") for level in text.split(", "))


@pytest.fixture(scope="module")
def example():
    terms = tuple(
        make_terms(
            row["exchange"],
            taker_fee=D(row["taker fee"]),
            min_notional=D(row["minimum notional"]),
            min_quantity=D(0),
        )
        for row in table("exchange", "taker fee")
    )
    order = make_order(
        quantity=D(4),
        limit_price=D(2003),
        duration=timedelta(seconds=4),
        slices_total=4,
        lot_size=D("0.1"),
        exchanges=tuple(each.exchange for each in terms),
        terms=terms,
    )
    books = FakeBooks()

    def before(now, order):
        second = str((now - order.starts_at) // timedelta(seconds=1))
        for row in table("second", "exchange"):
            if row["second"] != second:
                continue
            if row["book"] == "live":
                books.show(row["exchange"], bids={row["best bid"]: 3}, asks=asks_of(row["asks"]))
            else:
                books.set_state(row["exchange"], BookState(row["book"]))

    return run_order(order, books, before=before)


def test_document_when_the_example_is_run_then_the_parameters_are_those_of_the_text():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert "Buy 4 ETH in 4 slices. Lot 0.1, limit 2003, interval 1 s, `catch_up` 3, ranking by price." in text


def test_document_when_the_example_is_run_then_each_slice_is_as_written(example):
    order, slices = example
    executed = D(0)
    for row, one in zip(table("slice", "planned"), slices[1:], strict=True):
        target = explain(order, one, executed_before=executed)["target"]
        assert int(row["slice"]) == one.number
        assert (D(row["planned"]), D(row["target"])) == (one.planned, one.target)
        assert (D(row["behind"]), int(row["slices left"])) == (target["behind"], target["slices_left"])
        assert (D(row["filled"]), D(row["mid"])) == (one.filled, one.mid)
        assert row["reason"] == (one.reason.value if one.reason else "–")
        executed += one.filled


def test_document_when_the_example_is_run_then_each_fill_is_as_written(example):
    order, slices = example
    filled = []
    for one in slices[1:]:
        levels = [level for level in explain(order, one)["levels"] if level["filled"]]
        fees = {(fill.exchange, fill.price): fill.fee for fill in one.executions}
        filled += [{"slice": one.number, "fee": fees[x["exchange"], x["price"]], **x} for x in levels]
    rows = table("slice", "exchange")
    assert len(rows) == len(filled)
    for row, level in zip(rows, filled, strict=True):
        assert (int(row["slice"]), row["exchange"]) == (level["slice"], level["exchange"])
        for name in ("price", "displayed", "taken", "available", "filled", "fee"):
            assert D(row[name]) == level[name], (row, name)


def test_document_when_the_example_is_run_then_the_memory_is_as_written(example):
    order, _ = example
    rows = table("exchange", "price", "taken")
    assert order.progress.taken == {(r["exchange"], D(r["price"])): D(r["taken"]) for r in rows}


def test_document_when_the_example_is_run_then_the_report_is_as_written(example):
    built = report.build(*example)
    figures = {row["figure"]: D(row["value"]) for row in table("figure")}
    assert figures == {
        "executed": built.executed,
        "fill rate": built.fill_rate,
        "notional": built.notional,
        "average price": built.average_price,
        "fees": built.fees,
        "arrival mid": built.arrival_mid,
        "TWAP of the mid": built.twap_benchmark,
        "slippage against arrival, quote": built.slippage_arrival.quote,
        "slippage against arrival, bps": built.slippage_arrival.bps,
        "slippage against TWAP, quote": built.slippage_benchmark.quote,
        "slippage against TWAP, bps": built.slippage_benchmark.bps,
    }


def test_document_when_the_example_is_run_then_the_costs_are_as_written(example):
    shortfall = report.build(*example).shortfall
    parts = {row["part"]: D(row["value"]) for row in table("part")}
    names = ("spread", "depth", "timing", "fees", "opportunity")
    assert parts == {name: getattr(shortfall.split, name) for name in names} | {"shortfall": shortfall.quote}
    assert sum(parts[name] for name in names) == parts["shortfall"]


def test_document_when_the_example_is_run_then_it_verifies(example):
    assert verify(*example) == []
