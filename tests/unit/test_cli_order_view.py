"""How orders look at terminals of different widths."""

import io
from decimal import Decimal

import pytest
from rich.console import Console

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
