"""An order's report as one self-contained HTML page: inline style and pictures, no script, nothing loaded."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

from twap.domain.comparisons import BandEdge
from twap.domain.costs import RATIO_PLACES, Slippage, quotient
from twap.domain.explain import REASONS
from twap.domain.report import Report
from twap.entrypoints.report.pictures import Pictures
from twap.entrypoints.report.svg import Bar, bar_chart
from twap.ports.order import Order, Slice

_STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5b6878;--paper:#fff;--card:#f5f7fa;--rule:#dde3ea;
--mid:#7a8899;--fill:#0b66c3;--average:#c2410c;--bench:#0f766e;--plan:#8b98a8}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a3b0bf;--paper:#11161c;--card:#1a212a;
--rule:#303a46;--mid:#93a1b2;--fill:#5aa9f5;--average:#fb923c;--bench:#34d3bd;--plan:#7d8b9c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 16px 48px;max-width:940px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:28px 0 8px}p{margin:6px 0;color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:10px;margin:20px 0}
.card{background:var(--card);border-radius:8px;padding:10px 14px}.card b{display:block;font-size:19px}
.card span{color:var(--soft);font-size:13px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:5px 8px;border-bottom:1px solid var(--rule);text-align:right}
th{color:var(--soft);font-weight:500}th:first-child,td:first-child,td.note{text-align:left}
td{white-space:nowrap}td:first-child{white-space:normal}
td.note{color:var(--soft);padding-left:24px;white-space:normal;min-width:12em}
.scroll{overflow-x:auto}.total td{font-weight:600}
figure{margin:0}figcaption{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline}
svg{width:100%;min-width:640px;height:auto;background:var(--card);border-radius:8px}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .axis{fill:var(--soft)}
.grid{stroke:var(--rule)}path{fill:none;stroke-width:1.8}
path.mid{stroke:var(--mid)}path.average{stroke:var(--average);stroke-dasharray:7 4}
path.bench{stroke:var(--bench);stroke-dasharray:2 3}path.plan{stroke:var(--plan);stroke-dasharray:5 4}
path.fill{stroke:var(--fill)}circle.fill,.bar{fill:var(--fill)}
.key{color:var(--soft);font-size:13px}.key::before{content:"";display:inline-block;width:18px;height:3px;
margin-right:6px;vertical-align:middle;background:var(--mid)}
.key.fill::before{background:var(--fill)}.key.average::before{background:var(--average)}
.key.dots::before{width:7px;height:7px;border-radius:50%}.key.bench::before{background:var(--bench)}.key.plan::before{background:var(--plan)}
"""


def render(order: Order, report: Report, slices: Iterable[Slice]) -> str:
    """The page from slices that are all there; see `page`."""
    pictures = Pictures(order)
    pictures.add(slices)
    return page(order, report, pictures)


def page(order: Order, report: Report, pictures: Pictures) -> str:
    """The page. Exact figures come from the report; only the pictures use rounded ones."""
    side = "Buy" if report.side == "buy" else "Sell"
    title = f"{side} {digits(report.quantity)} {report.symbol} by TWAP"
    state = report.status + (f", {report.outcome.value.replace('_', ' ')}" if report.outcome else "")
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Order {escape(order.id)} on {escape(', '.join(order.ticket.exchanges))}: {escape(state)}."
        f" Limit {digits(order.ticket.limit_price)}, {report.slices_done} of {report.slices_total} slices,"
        f" from {_time(order.starts_at)}.</p>",
        _cards(report),
        pictures.prices(report),
        pictures.fills(),
        _share_picture(report),
        _costs(report),
        _venues(report),
        _otherwise(report),
        _missed(report),
        "<p>Quantities are in the base currency, prices and money in the quote currency. Fills are simulated"
        " against the displayed books; nothing was traded.</p>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        + "".join(parts)
        + "</main></body></html>\n"
    )


def digits(value: Decimal | None) -> str:
    """Exact digits, thousands set apart, without trailing zeros; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _percent(ratio: Decimal | None) -> str:
    return "–" if ratio is None else f"{digits(ratio.scaleb(2))} %"


def _bps(slippage: Slippage | None) -> str:
    return "–" if slippage is None else f"{digits(slippage.bps)} bps"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cards(report: Report) -> str:
    cards = (
        (f"{digits(report.executed)} ({_percent(report.fill_rate)})", "executed"),
        (digits(report.average_price), "average price"),
        (_bps(report.slippage_arrival), f"slippage against arrival {digits(report.arrival_mid)}"),
        (_bps(report.slippage_benchmark), f"slippage against TWAP {digits(report.twap_benchmark)}"),
        (digits(report.fees), "fees, quote"),
        (str(report.executions), "executions"),
    )
    body = "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in cards
    )
    return (
        f'<div class="cards">{body}</div>'
        "<p>Slippage and costs are positive where they cost: a buyer paid more than the reference, a seller"
        " got less. Negative is a gain.</p>"
    )


def _share_picture(report: Report) -> str:
    bars = [
        Bar(
            x.exchange,
            float(x.ratio or 0),
            "nothing" if x.ratio is None else f"{_percent(x.ratio)}, {digits(x.quantity)}",
        )
        for x in report.venues
    ]
    return bar_chart("Share per exchange", bars)


def _costs(report: Report) -> str:
    shortfall = report.shortfall
    if shortfall is None:
        return "<h2>Costs</h2><p>No fresh book was met, so there is nothing to compare with.</p>"
    split = shortfall.split
    rows = [
        ("Spread", digits(split.spread), "from the mid to the best price, at each fill"),
        ("Depth", digits(split.depth), "from the best price to the price of the fill"),
        ("Timing", digits(split.timing), "what the mid did between arrival and each fill"),
        ("Fees", digits(split.fees), "taker fees"),
        ("Opportunity", digits(split.opportunity), "what the mid did to the unfilled quantity"),
    ]
    total = (
        "Implementation shortfall",
        digits(shortfall.quote),
        f"{digits(shortfall.bps)} bps of the whole order at the arrival mid",
    )
    return "<h2>Costs</h2>" + _table(("Part", "quote", ""), rows, total)


def _venues(report: Report) -> str:
    rows = [
        (
            x.exchange,
            digits(x.quantity),
            _percent(x.ratio),
            digits(x.average_price),
            digits(x.fees),
            str(x.executions),
            _percent(x.live_ratio),
        )
        for x in report.venues
    ]
    head = ("Exchange", "quantity", "share", "average price", "fees", "executions", "live book")
    return "<h2>Exchanges</h2>" + _table(head, rows)


def _otherwise(report: Report) -> str:
    """The same order as one market order, and under other assumptions of the simulation."""
    rows = [("This order", digits(report.average_price), _percent(report.fill_rate), "")]
    market = report.market_order
    if market is not None:
        note = "" if market.complete else "the books held no more"
        note = note if market.deep_enough else "the look at arrival was not deep enough to be sure"
        filled = _percent(quotient(market.filled, report.quantity, RATIO_PLACES))
        text = f"slippage {_bps(market.slippage)}; fees {digits(market.fees)}"
        notes = "; ".join(filter(None, (text, note)))
        rows.append(("One market order at arrival", digits(market.average_price), filled, notes))
    band = report.fill_band
    rows.append(_band_row("Without liquidity memory (optimistic)", band.optimistic))
    rows.append(_band_row("Half of every displayed quantity (pessimistic)", band.pessimistic))
    return "<h2>And otherwise</h2>" + _table(("How", "average price", "filled", ""), rows)


def _band_row(label: str, edge: BandEdge) -> tuple[str, str, str, str]:
    note = f"{edge.limited_slices} looks were not deep enough" if edge.limited_slices else ""
    return label, digits(edge.average_price), _percent(edge.fill_rate), note


def _none_missed(report: Report) -> str:
    if report.slices_done == 0:
        return "None: no slice is over."
    if report.slices_done < report.slices_total:
        return f"None of the {report.slices_done} that are over; {report.slices_total} were planned."
    return "None: every slice filled its target."


def _missed(report: Report) -> str:
    missed = report.missed
    if not missed.slices:
        return f"<h2>Missed slices</h2><p>{_none_missed(report)}</p>"
    counts = [(REASONS[x.reason], str(x.slices), digits(x.missing)) for x in missed.by_reason]
    listed = [
        (str(x.number), _time(x.due_at), x.reason.value, digits(x.target), digits(x.filled))
        for x in missed.listed
    ]
    more = f"<p>and {missed.more} more</p>" if missed.more else ""
    return (
        "<h2>Missed slices</h2>"
        + _table(("Reason", "slices", "left to later slices"), counts)
        + "<details><summary>Slice by slice</summary>"
        + _table(("Slice", "due", "reason", "target", "filled"), listed)
        + f"{more}</details>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str] = ()) -> str:
    """Numbers to the right; columns without a heading hold words."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{_cells(head, row)}</tr>" for row in rows)
    bottom = f'<tr class="total">{_cells(head, total)}</tr>' if total else ""
    return (
        f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}{bottom}</tbody></table></div>'
    )


def _cells(head: Sequence[str], row: Sequence[str]) -> str:
    return "".join(
        f"<td>{escape(cell)}</td>" if name else f'<td class="note">{escape(cell)}</td>'
        for name, cell in zip(head, row, strict=True)
    )
