"""How an order and its report look in the terminal."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from twap.entrypoints.cli.output import shown, table

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

Json = Mapping[str, Any]

_LIST_COLUMNS = ("order", "terms", "status", "created (UTC)")
_SHOWN_FIRST = (
    "order_id",
    "symbol",
    "side",
    "quantity",
    "limit_price",
    "exchanges",
    "duration",
    "status",
    "outcome",
    "percent_exec",
    "avg_exec_price",
    "total_exec",
    "fees",
    "slices_done",
    "slices_total",
)
_HIDDEN = frozenset({"executions", "exchange", "user_id"})
_FILL_COLUMNS = ("slice", "time (UTC)", "exchange", "price", "quantity", "fee")
_TIME_OF_DAY = slice(11, 23)
_TO_THE_SECOND = slice(19)
_BAR_COLUMNS = 60
LAST_FILLS = 8


def list_table(orders: Sequence[Json]) -> "Table":
    """A row for each, of few columns: on a narrow terminal words are wrapped, and the id stays whole."""
    rows = [
        (
            order["order_id"],
            f"{order['side']} {shown(order['quantity'])} {order['symbol']} at {shown(order['limit_price'])}",
            f"{order['status']} {shown(order['percent_exec'])} %",
            order["created_at"][_TO_THE_SECOND].replace("T", " "),
        )
        for order in orders
    ]
    return table(_LIST_COLUMNS, rows, whole=("order",))


def order_table(order: Json) -> "Table":
    """Its fields, the important ones first."""
    rest = [name for name in order if name not in _SHOWN_FIRST and name not in _HIDDEN]
    rows = [(name, order[name]) for name in (*_SHOWN_FIRST, *rest) if order.get(name) not in (None, [])]
    return table(("order", ""), rows)


def fills_table(fills: Sequence[Json]) -> "Table":
    rows = [
        [x["slice"], x["timestamp"][_TIME_OF_DAY], x["exchange"], x["price"], x["quantity"], x["fee"]]
        for x in fills
    ]
    return table(_FILL_COLUMNS, rows, right=("slice", "price", "quantity", "fee"))


def progress_line(order: Json) -> str:
    slices = f"slice {order['slices_done']}/{order['slices_total']}"
    average, fees = shown(order["avg_exec_price"]), shown(order["fees"])
    return (
        f"{order['symbol']} {order['side']} {order['status']:9} {slices}"
        f"  {order['percent_exec']} %  average {average}  fees {fees}"
    )


def progress_view(order: Json, last_fills: Sequence[Json]) -> "Group":
    """A bar of what is executed, the numbers of now, and the last fills."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bar = Table.grid()  # by itself a bar does not end its line
    bar.add_column(max_width=_BAR_COLUMNS)
    bar.add_row(ProgressBar(total=100, completed=float(order["percent_exec"])))
    return Group(bar, Text(progress_line(order)), fills_table(last_fills[-LAST_FILLS:]))


def report_view(report: Json) -> "Group":
    """The report as three tables: the numbers, the exchanges, the missed slices."""
    from rich.console import Group

    from twap.entrypoints.cli.figures import Figures

    parts: list[RenderableType] = [table(("report", ""), _report_rows(report))]
    columns = ("exchange", "executions", "quantity", "average_price", "fees")
    ratios = ("ratio", "live_ratio")
    rows = [
        [*(each.get(name) for name in columns), *(_percent(each.get(name)) for name in ratios)]
        for each in report["venues"]
    ]
    titles = ("exchange", "fills", "quantity", "average", "fees", "share", "live")
    parts.append(Figures(titles, rows))
    missed = report["missed"]["by_reason"]
    if missed:
        rows = [[each[name] for name in ("reason", "slices", "missing")] for each in missed]
        parts.append(table(("missed slices", "slices", "quantity carried"), rows))
    return Group(*parts)


def _report_rows(report: Json) -> list[tuple[str, Any]]:
    split = (report["shortfall"] or {}).get("split") or {}
    band = report["fill_band"]
    rows = [
        ("order", f"{report['order_id']}"),
        ("", f"{report['side']} {shown(report['quantity'])} {report['symbol']}, {report['status']}"),
        ("outcome", report["outcome"]),
        (
            "executed",
            f"{shown(report['executed'])} in {report['executions']} fills ({_percent(report['fill_rate'])})",
        ),
        ("average price", report["average_price"]),
        ("arrival mid", report["arrival_mid"]),
        ("TWAP mid (benchmark)", report["twap_benchmark"]),
        ("slippage against arrival", _slippage(report["slippage_arrival"])),
        ("slippage against TWAP mid", _slippage(report["slippage_benchmark"])),
        ("fees", report["fees"]),
        ("implementation shortfall", _slippage(report["shortfall"])),
        *((f"  of it {name}", split[name]) for name in split),
        ("as one market order", _slippage((report["market_order"] or {}).get("slippage"))),
        ("average, optimistic", band["optimistic"]["average_price"]),
        ("average, pessimistic", band["pessimistic"]["average_price"]),
        ("missed slices", f"{report['missed']['slices']} of {report['slices_total']}"),
    ]
    return [(name, value) for name, value in rows if value is not None]


def _percent(ratio: Decimal | None) -> str | None:
    return None if ratio is None else f"{shown(ratio * 100)} %"


def _slippage(value: Json | None) -> str | None:
    """Positive is a cost."""
    return None if value is None else f"{shown(value['bps'])} bps = {shown(value['quote'])} in quote"
