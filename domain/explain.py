"""Why each fill of a slice had its price: what the slice looked at, level by level, as the sweep met it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal, localcontext

from twap.domain.explain_text import as_text
from twap.domain.scene import Scene
from twap.domain.schedule import Schedule
from twap.domain.sweep import sweep, within_limit
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT, subtract, whole_lots
from twap.ports.order import FeeRanking, MissReason, Order, Slice, VenueLook

REASONS: Mapping[MissReason, str] = {
    MissReason.STALE: "no exchange had a true and fresh book",
    MissReason.DOWN: "every exchange of the order was away",
    MissReason.BEYOND_LIMIT: "there was more to take, but only beyond the limit price",
    MissReason.NO_LIQUIDITY: "the books held too little within the limit",
    MissReason.PARTICIPATION: "max_participation allowed no more of what was displayed",
    MissReason.MINIMUM: "what could be taken lies below an exchange's minimum quantity or notional",
    MissReason.LATE: "the slice came too late to look at the books",
    MissReason.PAUSED: "the order was paused",
}

__all__ = ["REASONS", "as_text", "explain"]

Plain = dict[str, object]


def explain(order: Order, one: Slice, *, executed_before: Decimal | None = None) -> Plain:
    """Plain values (Decimal, str, int, bool, datetime, None, lists and dicts of them) of one slice.

    executed_before  base, by the slices before this one: tells exactly how the target came about; without
                     it, only the share that was added to the plan is known

    `levels` stand in the order in which the sweep considered them: by `rank_price`, at equal ones the larger
    displayed quantity first, then by name. `outcome` says for each what it gave, or why it gave nothing.
    """
    ticket = order.ticket
    allowed = _allowed(order, one)
    return {
        "order_id": order.id,
        "slice": one.number,
        "symbol": ticket.symbol,
        "side": ticket.side.value,
        "limit_price": ticket.limit_price,
        "lot_size": order.lot_size,
        "due_at": one.due_at,
        "looked_at": one.looked_at,
        "mid": one.mid,
        "target": _target(order, one, executed_before),
        "participation": _participation(order, one, allowed),
        "filled": one.filled,
        "reason": one.reason and one.reason.value,
        "reason_text": None if one.reason is None else REASONS[one.reason],
        "ranking": "price after taker fee" if ticket.fees is FeeRanking.INCLUDE else "price",
        "venues": [_venue(order, look) for look in one.venues],
        "levels": _levels(order, one, allowed),
    }


def _target(order: Order, one: Slice, executed_before: Decimal | None) -> Plain | None:
    """target = planned + share, at most catch_up x planned; share = behind / slices left, in lots, up."""
    if one.number == 0:
        return None
    schedule, lot = Schedule.of(order), order.lot_size
    with localcontext(EXACT):
        planned_before = schedule.planned_until(one.number - 1) * lot
        most = (order.ticket.catch_up * one.planned / lot).to_integral_value(ROUND_FLOOR) * lot
        behind = None if executed_before is None else planned_before - executed_before
        return {
            "planned": one.planned,
            "planned_before": planned_before,
            "behind": behind,
            "slices_left": schedule.slices - one.number + 1,
            "carried": one.target - one.planned,
            "catch_up": order.ticket.catch_up,
            "most": most,
            "bounded_by_catch_up": one.target == most and bool(one.target > one.planned or behind),
            "target": one.target,
        }


def _participation(order: Order, one: Slice, allowed: Decimal) -> Plain | None:
    share = order.ticket.max_participation
    if share is None or not one.number:
        return None
    return {"max_participation": share, "visible": _visible(one), "allowed": allowed}


def _visible(one: Slice) -> Decimal:
    with localcontext(EXACT):
        return sum((look.visible for look in one.venues if look.state is BookState.LIVE), ZERO)


def _allowed(order: Order, one: Slice) -> Decimal:
    """What the slice may take: its target, bounded by `max_participation`, in whole lots."""
    share = order.ticket.max_participation
    if share is None or not one.number:
        return one.target
    with localcontext(EXACT):
        lots = (_visible(one) * share) // order.lot_size
        return min(one.target, lots * order.lot_size)


def _venue(order: Order, look: VenueLook) -> Plain:
    terms = next(each for each in order.terms if each.exchange == look.exchange)
    return {
        "exchange": look.exchange,
        "state": look.state.value,
        "sequence": look.sequence,
        "exchange_time": look.exchange_time,
        "age_ms": look.age_ms,
        "near_best": look.near_best,
        "levels": len(look.levels),
        "more": look.more,
        "taker_fee": terms.taker_fee,
        "min_quantity": terms.min_quantity,
        "min_notional": terms.min_notional,
    }


def _levels(order: Order, one: Slice, allowed: Decimal) -> list[Plain]:
    filled = {(fill.exchange, fill.price): fill.quantity for fill in one.executions}
    excluded = _excluded(order, one, allowed)
    left = allowed
    rows = []
    ranked = Scene(one.venues, order.ticket.side).ranked(order.ticket, order.terms)
    for number, (rank, _, key, displayed) in enumerate(ranked, 1):
        exchange, price = key
        quantity, taken = filled.get(key, ZERO), one.taken.get(key, ZERO)
        available = _available(displayed, taken, order.lot_size)
        if quantity:
            left = subtract(left, quantity)
            full = quantity == available
            outcome = "filled: all that was available" if full else f"filled in part: {_enough(one, allowed)}"
        else:
            outcome = _skipped(order, one, key, displayed, taken, excluded) or (
                f"not needed: {_enough(one, allowed)}" if left <= 0 else "not taken"
            )
        rows.append(
            {
                "rank": number,
                "exchange": exchange,
                "price": price,
                "rank_price": rank.copy_abs(),
                "displayed": displayed,
                "taken": taken,
                "available": available,
                "filled": quantity,
                "left_to_fill": left,
                "outcome": outcome,
            }
        )
    return rows


def _enough(one: Slice, allowed: Decimal) -> str:
    return "the target is reached" if allowed == one.target else "max_participation is reached"


def _skipped(
    order: Order,
    one: Slice,
    key: tuple[str, Decimal],
    displayed: Decimal,
    taken: Decimal,
    excluded: frozenset[str],
) -> str | None:
    """Why the sweep passed over a level; None: only because nothing more was wanted."""
    if one.number == 0:
        return "the look at arrival fills nothing"
    if one.reason is MissReason.PAUSED:
        return "the order was paused"
    exchange, price = key
    if not within_limit(order.ticket, price):
        return "beyond the limit"
    if taken >= displayed:
        return "nothing left: the order took it before"
    if not _available(displayed, taken, order.lot_size):
        return "less than one lot is left"
    return f"below the minimum of {exchange}" if exchange in excluded else None


def _available(displayed: Decimal, taken: Decimal, lot: Decimal) -> Decimal:
    """What is displayed and was not taken, in whole lots."""
    with localcontext(EXACT):
        free = max(displayed - taken, ZERO)
        return free - free % lot


def _excluded(order: Order, one: Slice, allowed: Decimal) -> frozenset[str]:
    """Exchanges that the sweep left out for their minimums.

    Swept without minimums, an exchange that gives something here but nothing in truth was left out; and so
    on without it, until the rest gives what was filled.
    """
    ticket = replace(order.ticket, max_participation=None)
    terms = [replace(each, min_quantity=ZERO, min_notional=ZERO) for each in order.terms]
    lots = whole_lots(allowed, order.lot_size)
    filled = {fill.exchange for fill in one.executions}
    left_out: set[str] = set()
    while True:
        venues = [look for look in one.venues if look.exchange not in left_out]
        swept = sweep(ticket, terms, order.lot_size, Scene(venues, ticket.side), one.taken, lots)
        further = {fill.exchange for fill in swept.fills} - filled
        if not further:
            return frozenset(left_out)
        left_out |= further
