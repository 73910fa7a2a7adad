"""How orders look at terminals of different widths."""

import io
from decimal import Decimal

import pytest
from rich.console import Console

from twap.entrypoints.cli import book
from twap.entrypoints.cli.figures import Figures
from twap.entrypoints.cli.order_view import list_table, progress_view
from twap.entrypoints.cli.screen import Screen
from twap.entrypoints.cli.watching import follow

ORDER = {
    "order_id": "01a21f61cb7271289de17158cb7c11ef",
    "symbol": "BTCUSDT",
    "side": "buy",
    "quantity": Decimal("0.3"),
    "limit_price": Decimal("120000.55"),
    "status": "executing",
    "slices_done": 3,
    "slices_total": 15,
    "percent_exec": Decimal("20.1234"),
    "avg_exec_price": Decimal("99372.16666667"),
    "fees": Decimal("5.962330115"),
    "created_at": "2026-02-01T23:40:32.498920Z",
}


def lines(shown, width):
    output = io.StringIO()
    Console(file=output, width=width, force_terminal=True, color_system=None).print(shown)
    return [line.rstrip() for line in output.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_progress_when_the_terminal_has_this_width_then_bar_and_numbers_have_lines_of_their_own(width):
    bar, *rest = lines(progress_view(ORDER, []), width)
    assert 0 < len(bar) <= 60
    assert set(bar) <= set("━╺╸"), bar
    numbers = " ".join(rest)
    for told in ("slice 3/15", "20.1234 %", "99372.16666667", "5.962330115"):
        assert told in numbers


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_list_when_the_terminal_has_this_width_then_ids_stay_in_one_piece(width):
    assert sum(ORDER["order_id"] in line for line in lines(list_table([ORDER, ORDER]), width)) == 2


def test_list_when_the_terminal_is_wide_then_a_line_tells_an_order():
    assert lines(list_table([ORDER]), 120)[3].split() == [
        *(ORDER["order_id"], "buy", "0.3", "BTCUSDT", "at", "120000.55", "executing", "20.1234", "%"),
        *("2026-02-01", "23:40:32"),
    ]


class OneOrder:
    """A client whose order is told in two states."""

    async def watch(self, order_id):
        for status in ("executing", "completed"):
            yield {**ORDER, "order_id": order_id, "status": status, "executions": []}


@pytest.mark.parametrize(("term", "is_terminal"), [("dumb", True), ("xterm", False)])
async def test_follow_when_nothing_can_be_redrawn_then_a_line_for_each_state(monkeypatch, term, is_terminal):
    monkeypatch.setenv("TERM", term)
    output = io.StringIO()
    await follow(OneOrder(), "1", Screen(file=output, width=200, force_terminal=is_terminal))
    told = output.getvalue().splitlines()
    assert [line.split()[2] for line in told] == ["executing", "completed"]


COLUMNS = ("variant", "average", "arrival bps", "fees", "shortfall")
NUMBERS = [Decimal("99986.22506123"), Decimal("0.2475"), Decimal("49.99311253"), Decimal("51.23064253")]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_figures_when_the_terminal_has_this_width_then_numbers_stay_in_one_piece(width):
    rows = [("randomize.size=0.3,randomize.time=0.3,randomize.seed=7", *NUMBERS), ("as asked", *NUMBERS)]
    told = [line.split() for line in lines(Figures(COLUMNS, rows), width)]
    for number in NUMBERS:
        assert sum(str(number) in line for line in told) == 2


def test_figures_when_they_fit_then_a_line_for_each_row():
    assert ["a", *map(str, NUMBERS)] in [
        line.split() for line in lines(Figures(COLUMNS, [("a", *NUMBERS)]), 80)
    ]


@pytest.mark.parametrize("height", [12, 24, 60])
def test_book_when_the_terminal_is_this_high_then_the_best_prices_and_the_states_are_there(height):
    update = {
        "symbol": "BTCUSDT",
        "timestamp": "2025-02-01T00:00:00Z",
        "order_book": {
            "bids": {str(1000 - n): [Decimal(1), "Binance"] for n in range(10)},
            "asks": {str(1001 + n): [Decimal(1), "Binance"] for n in range(10)},
        },
        "sources": {"Binance": {"state": "live", "age_ms": 7, "sequence": 1}},
    }
    screen = Screen(file=io.StringIO(), width=80, height=height, force_terminal=True)
    told = lines(book.fitting(update, screen), 80)
    assert len(told) <= height
    assert told[-1].split() == ["Binance", "live", "7", "ms"]
    prices = [line.split()[0] for line in told if line.strip().startswith("1000 ") or "1001 " in line]
    assert prices == ["1001", "1000"]
    assert sum("Binance" in line for line in told) == (21 if height == 60 else (height - 7) // 2 * 2 + 1)
