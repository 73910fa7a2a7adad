"""What the page says: answers of the server as rows of text, every number with its exact digits."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from twap.entrypoints.http.wire import digits
from twap.ports.numbers import EXACT

Json = Mapping[str, Any]
Row = dict[str, str]
"""Column to text."""

SIGN_CONVENTION = (
    "Slippage and costs are positive where they cost: a buyer paid more than the reference, a seller got"
    " less. Negative is a gain. Quantities are in the base currency, prices and money in the quote currency."
)
OVER = frozenset({"completed", "canceled", "failed"})
NOTHING = "–"
STALE_AFTER_SECONDS = 3.0
_DAY_AND_TIME = slice(0, 19)
_TIME_OF_DAY = slice(11, 23)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&^=])")


def text(value: Any) -> str:
    """A cell: exact digits, names joined, a dash for nothing."""
    match value:
        case None | "":
            return NOTHING
        case Decimal():
            return digits(value)
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value)) or NOTHING
    return str(value)


def literal(words: str) -> str:
    """As Markdown that shows exactly these words: what others wrote must not become links or pictures."""
    return _MARKDOWN.sub(r"\\\1", words)


def percent(ratio: Decimal | None) -> str:
    return NOTHING if ratio is None else f"{digits(EXACT.multiply(ratio, Decimal(100)))} %"


def moment(time: str | None) -> str:
    """Day and time of an ISO 8601 text, to the second."""
    return NOTHING if time is None else time[_DAY_AND_TIME].replace("T", " ")


# -- markets


def status_rows(exchanges: Mapping[str, Json]) -> list[Row]:
    """One row per exchange; counters since the server started."""
    return [
        {
            "exchange": name,
            "state": text(one["state"]),
            "connected": text(one["connected"]),
            "books": text(one["feeds"]),
            "last message, ms ago": text(one["last_message_age_ms"]),
            "messages/s": _rate(one["messages_per_second"]),
            "reconnects": text(one["reconnects"]),
            "gaps": text(one["gaps"]),
            "resyncs": text(one["resyncs"]),
            "reason": text(one["reason"]),
        }
        for name, one in exchanges.items()
    ]


def book_rows(update: Json, levels: int) -> list[Row]:
    """The best `levels` of both sides next to each other, best first; a shorter side ends with blanks."""
    sides = update["order_book"]
    bids, asks = list(sides["bids"].items())[:levels], list(sides["asks"].items())[:levels]
    rows = []
    for number in range(max(len(bids), len(asks))):
        bid = _level(bids, number)
        ask = _level(asks, number)
        rows.append(
            {
                "bid from": bid[2],
                "bid quantity": bid[1],
                "bid": bid[0],
                "ask": ask[0],
                "ask quantity": ask[1],
                "ask from": ask[2],
            }
        )
    return rows


def book_headline(update: Json) -> str:
    """Best bid, best ask and spread; says which side is empty."""
    bid, ask = (next(iter(update["order_book"][side]), None) for side in ("bids", "asks"))
    if bid is None or ask is None:
        return "no fresh book shows " + ("bids" if ask else "asks" if bid else "anything")
    spread = EXACT.subtract(Decimal(ask), Decimal(bid))
    crossed = " (crossed: exchanges disagree)" if spread < 0 else ""
    return f"best bid {bid}, best ask {ask}, spread {digits(spread)}{crossed}"


def source_line(update: Json) -> str:
    """Which exchanges are in the book, and which are left out as they are not live."""
    parts = []
    for name, source in update["sources"].items():
        age = "" if source["age_ms"] is None else f" ({digits(source['age_ms'])} ms old)"
        parts.append(f"{name}: {source['state']}{age}")
    return ", ".join(parts)


def lateness(age_seconds: float) -> str | None:
    """A warning where the server's last update is too old to be called live."""
    if age_seconds < STALE_AFTER_SECONDS:
        return None
    return f"The last update came {age_seconds:.0f} seconds ago; this book is not live."


# -- orders


def order_rows(orders: Iterable[Json]) -> list[Row]:
    return [
        {
            "submitted (UTC)": moment(one["created_at"]),
            "symbol": one["symbol"],
            "side": one["side"],
            "quantity": text(one["quantity"]),
            "limit price": text(one["limit_price"]),
            "exchanges": text(one["exchanges"]),
            "status": one["status"],
            "filled": f"{text(one['percent_exec'])} %",
            "average price": text(one["avg_exec_price"] or None),
            "slices": f"{text(one['slices_done'])}/{text(one['slices_total'])}",
            "order": _short(one["order_id"]),
        }
        for one in orders
    ]


def order_title(order: Json) -> str:
    """Tells orders apart; stays the same while the order runs."""
    what = f"{order['side']} {text(order['quantity'])} {order['symbol']}"
    return f"{what}, {moment(order['created_at'])}, {_short(order['order_id'])}"


def progress_line(order: Json) -> str:
    parts = [
        order["status"] + (f" ({order['outcome'].replace('_', ' ')})" if order["outcome"] else ""),
        f"{text(order['total_exec'])} of {text(order['quantity'])} ({text(order['percent_exec'])} %)",
        f"slice {text(order['slices_done'])} of {text(order['slices_total'])}",
    ]
    if order["avg_exec_price"]:
        parts.append(f"average {text(order['avg_exec_price'])}")
    parts.append(f"fees {text(order['fees'])}")
    return ", ".join(parts)


def progress_ratio(order: Json) -> float:
    """0 to 1, for a progress bar."""
    return min(float(order["percent_exec"]) / 100, 1.0)


def actions(status: str) -> dict[str, bool]:
    """Whether each can be done with an order in this status."""
    return {
        "pause": status in ("pending", "executing"),
        "resume": status == "paused",
        "cancel": status not in OVER,
    }


def execution_rows(executions: Sequence[Json], last: int) -> list[Row]:
    """The last ones, newest first."""
    return [
        {
            "slice": text(one["slice"]),
            "time (UTC)": one["timestamp"][_TIME_OF_DAY],
            "exchange": one["exchange"],
            "price": text(one["price"]),
            "quantity": text(one["quantity"]),
            "fee": text(one["fee"]),
            "book's sequence": text(one["book"]["sequence"]),
            "book's age, ms": text(one["book"]["age_ms"]),
        }
        for one in list(executions)[: -last - 1 : -1]
    ]


# -- report


def report_rows(report: Json) -> list[Row]:
    """The figures, those that are not known yet with a dash."""
    shortfall = report["shortfall"] or {}
    split = shortfall.get("split") or {}
    market = report["market_order"] or {}
    band = report["fill_band"]
    rows = [
        ("executed", f"{text(report['executed'])} of {text(report['quantity'])}"),
        ("fill rate", percent(report["fill_rate"])),
        ("average price", text(report["average_price"])),
        ("mid at arrival", text(report["arrival_mid"])),
        ("TWAP of the mid", text(report["twap_benchmark"])),
        ("last mid", text(report["final_mid"])),
        ("slippage against arrival", _cost(report["slippage_arrival"])),
        ("slippage against TWAP of the mid", _cost(report["slippage_benchmark"])),
        ("implementation shortfall", _cost(report["shortfall"])),
        *((f"of it {name}", text(value)) for name, value in split.items()),
        ("fees", text(report["fees"])),
        ("share of what was displayed", percent(report["participation"])),
        ("as one market order at arrival", _cost(market.get("slippage"))),
        ("average without liquidity memory", text(band["optimistic"]["average_price"])),
        ("average with half of each level", text(band["pessimistic"]["average_price"])),
    ]
    return [{"figure": name, "value": value} for name, value in rows]


def venue_rows(report: Json) -> list[Row]:
    return [
        {
            "exchange": one["exchange"],
            "quantity": text(one["quantity"]),
            "share": percent(one["ratio"]),
            "average price": text(one["average_price"]),
            "fees": text(one["fees"]),
            "fills": text(one["executions"]),
            "live book": percent(one["live_ratio"]),
        }
        for one in report["venues"]
    ]


def missed_rows(report: Json) -> list[Row]:
    return [
        {
            "reason": one["reason"].replace("_", " "),
            "slices": text(one["slices"]),
            "quantity carried": text(one["missing"]),
        }
        for one in report["missed"]["by_reason"]
    ]


def _short(order_id: str) -> str:
    """Its end: the beginning is the time, alike in orders of the same day."""
    return f"…{order_id[-6:]}"


def _level(levels: list[tuple[str, Sequence[Any]]], number: int) -> tuple[str, str, str]:
    """Price, quantity, exchanges."""
    if number >= len(levels):
        return "", "", ""
    price, (quantity, sources) = levels[number]
    return price, text(quantity), text(sources)


def _rate(per_second: Decimal) -> str:
    """A measurement, so rounded: the server derives it from times."""
    return digits(per_second.quantize(Decimal("0.1")))


def _cost(value: Json | None) -> str:
    return NOTHING if value is None else f"{text(value['bps'])} bps = {text(value['quote'])}"
