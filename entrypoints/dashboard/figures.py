"""The page's charts, as Plotly's plain dictionaries: the one place where numbers become floats."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from twap.entrypoints.dashboard.views import percent, text
from twap.ports.numbers import EXACT

Json = Mapping[str, Any]
Figure = dict[str, Any]

BID, ASK = "#15803d", "#dc2626"
FILL, AVERAGE, MID, BENCHMARK, PLAN = "#0b66c3", "#c2410c", "#7a8899", "#0f766e", "#8b98a8"
EXCHANGE_COLOURS = ("#0b66c3", "#d97706", "#7c3aed", "#0f766e", "#be185d", "#4d7c0f")
HEIGHT = 320
SAMPLES = 40
MOST_READ = 40_000
SHOWN = {"displayModeBar": False}
"""How Plotly shows them: without its row of buttons, which lies upon the legend."""


def depth_chart(update: Json) -> Figure:
    """Quantity that can be had up to each price, both sides."""
    lines = []
    for side, colour in (("bids", BID), ("asks", ASK)):
        levels = [(Decimal(price), quantity) for price, (quantity, _) in update["order_book"][side].items()]
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": side,
                "x": [float(price) for price, _ in levels],
                "y": _running(quantity for _, quantity in levels),
                "line": {"color": colour, "shape": "hv"},
                "fill": "tozeroy",
            }
        )
    figure = _figure(lines, "price", "quantity up to this price")
    figure["layout"]["xaxis"] |= {"tickformat": ",~f"}
    return figure


def price_chart(order: Json, report: Json, samples: Sequence[Json]) -> Figure:
    """Fills against the mid price and the averages.

    samples  explained slices (`TwapClient.explain`); each tells the mid price that it saw
    """
    executions = order["executions"]
    start, end = _life(order, samples)
    seen = [(one["looked_at"], float(one["mid"])) for one in samples if one["mid"] is not None]
    lines: list[dict[str, Any]] = []
    if len(seen) > 1:
        lines.append(_line("mid price", [at for at, _ in seen], [mid for _, mid in seen], MID))
    for number, exchange in enumerate(order["exchanges"]):
        fills = [one for one in executions if one["exchange"] == exchange]
        if fills:
            lines.append(_fills(exchange, fills, EXCHANGE_COLOURS[number % len(EXCHANGE_COLOURS)]))
    for name, key, colour, dash in (
        ("average price", "average_price", AVERAGE, "dash"),
        ("TWAP of the mid", "twap_benchmark", BENCHMARK, "dot"),
        ("mid at arrival", "arrival_mid", MID, "dot"),
    ):
        if report[key] is not None:
            price = float(report[key])
            lines.append(_line(name, [start, end], [price, price], colour, dash))
    # Plotly refuses a figure without a line: an order that waits has seen nothing yet.
    return _figure(lines or [_line("mid price", [], [], MID)], "time (UTC)", "price")


def fill_chart(order: Json, samples: Sequence[Json]) -> Figure:
    """Cumulative fill against the schedule, by slice.

    samples  explained slices: what was planned up to each. Between them, and after, the plan is drawn even
    """
    executions = order["executions"]
    planned = {
        int(one["slice"]): float(EXACT.add(one["target"]["planned_before"], one["target"]["planned"]))
        for one in samples
        if one["target"] is not None
    }
    planned |= {0: 0.0, int(order["slices_total"]): float(order["quantity"])}
    by_slice: dict[int, Decimal] = {}
    for one in executions:
        number = int(one["slice"])
        by_slice[number] = EXACT.add(by_slice.get(number, Decimal(0)), one["quantity"])
    done = int(order["slices_done"])
    filled = {0: 0.0, **dict(zip(by_slice, _running(by_slice.values()), strict=True))}
    filled.setdefault(done, list(filled.values())[-1])
    lines = [
        _line("schedule", sorted(planned), [planned[number] for number in sorted(planned)], PLAN, "dash"),
        _line("filled", list(filled), list(filled.values()), FILL, shape="hv"),
    ]
    return _figure(lines, "slice", "quantity")


def share_chart(report: Json) -> Figure:
    """Each exchange's share of what was executed."""
    venues = report["venues"]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [one["exchange"] for one in venues],
        "x": [float(one["ratio"] or 0) * 100 for one in venues],
        "text": [f"{percent(one['ratio'])}, {text(one['quantity'])}" for one in venues],
        "hoverinfo": "y+text",
        "marker": {"color": FILL},
    }
    figure = _figure([bars], "% of the executed quantity", "")
    figure["layout"] |= {"height": 90 + 46 * len(venues), "showlegend": False}
    figure["layout"]["xaxis"] |= {"range": [0, 100]}
    return figure


def sampled_slices(slices_done: int) -> list[int]:
    """Which slices to ask for, ascending: at most 41, evenly apart, the first and the last among them.

    The step doubles as the order goes on, so that answers asked for before stay useful. The server reads
    all slices for each answer: of very long orders fewer are asked for, of the longest none.
    """
    if slices_done < 1:
        return []
    wanted = min(SAMPLES, MOST_READ // slices_done)
    if wanted < 2:
        return []
    step = 1
    while slices_done / step > wanted:
        step *= 2
    return sorted({*range(1, slices_done + 1, step), slices_done})


def _fills(exchange: str, fills: Sequence[Json], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"fills, {exchange}",
        "x": [one["timestamp"] for one in fills],
        "y": [float(one["price"]) for one in fills],
        "text": [f"{text(one['quantity'])} at {text(one['price'])}" for one in fills],
        "hoverinfo": "x+text+name",
        "marker": {"color": colour, "size": 7},
    }


def _line(
    name: str, x: Sequence[Any], y: Sequence[float], colour: str, dash: str = "solid", shape: str = "linear"
) -> dict[str, Any]:
    line = {"color": colour, "dash": dash, "shape": shape, "width": 2}
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), "line": line}


def _figure(lines: list[dict[str, Any]], x_title: str, y_title: str) -> Figure:
    layout = {
        "height": HEIGHT,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"title": {"text": x_title}, "automargin": True},
        # "f": no 99.03k, which would hide what a chart of prices is about
        "yaxis": {
            "title": {"text": y_title},
            "automargin": True,
            "tickformat": ",~f",
            "exponentformat": "none",
        },
        "hovermode": "closest",
        "showlegend": True,
    }
    return {"data": lines, "layout": layout}


def _running(quantities: Iterable[Decimal]) -> list[float]:
    """Sums are exact; each is rounded once."""
    total, sums = Decimal(0), []
    for quantity in quantities:
        total = EXACT.add(total, quantity)
        sums.append(float(total))
    return sums


def _life(order: Json, samples: Sequence[Json]) -> tuple[str, str]:
    """From the start to the end, or to the last thing that is known."""
    known = [order["starts_at"], *(one["looked_at"] for one in samples)]
    known += [one["timestamp"] for one in order["executions"][-1:]]
    return order["starts_at"], order["ended_at"] or max(known)
