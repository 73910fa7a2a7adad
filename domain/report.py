"""Execution quality of one order, from what it stored: the same today and after any restart.

Money is exact. Averages, basis points and ratios are rounded once, half to even: prices to 8 places, basis
points to 4, ratios to 6. Positive slippage or shortfall is a cost: a buyer paid more, a seller got less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import Enum

from twap.domain import costs, timeline
from twap.domain.comparisons import FillBand, MarketOrder, fill_band, market_order
from twap.domain.costs import RATIO_PLACES, CostSplit, Slippage, quotient
from twap.domain.sweep import within_limit
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT, exact_sum
from twap.ports.order import MissReason, Order, Outcome, Side, Slice, VenueLook

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class VenueReport:
    """ratio: of the executed quantity; live_ratio: of the order's life with a live book."""

    exchange: str
    executions: int
    quantity: Decimal
    notional: Decimal
    fees: Decimal
    average_price: Decimal | None
    ratio: Decimal | None
    live_ratio: Decimal | None


@dataclass(frozen=True, slots=True)
class MissedSlice:
    """missing: target - filled; base."""

    number: int
    due_at: datetime
    reason: MissReason
    target: Decimal
    filled: Decimal
    missing: Decimal


@dataclass(frozen=True, slots=True)
class MissCount:
    """missing: what these slices left, in sum. It was carried, so a later slice may have left it again."""

    reason: MissReason
    slices: int
    missing: Decimal


@dataclass(frozen=True, slots=True)
class Missed:
    """listed: the first 100; more: how many are not listed."""

    slices: int
    by_reason: tuple[MissCount, ...]
    listed: tuple[MissedSlice, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Implementation shortfall; the split's parts add up to `quote` exactly. See `twap.domain.costs`."""

    quote: Decimal
    bps: Decimal
    split: CostSplit


@dataclass(frozen=True, slots=True)
class Report:
    """Quantities in base, money in quote. While the order runs: as if it ended now.

    final_mid      the last mid price seen
    participation  executed / displayed within the limit, over the looks of the slices that filled; where
                   the order has no `max_participation`, displayed counts the levels looked at alone
    """

    order_id: str
    symbol: str
    side: Side
    status: str
    outcome: Outcome | None
    quantity: Decimal
    executed: Decimal
    fill_rate: Decimal
    notional: Decimal
    average_price: Decimal | None
    fees: Decimal
    executions: int
    slices_done: int
    slices_total: int
    arrival_mid: Decimal | None
    twap_benchmark: Decimal | None
    final_mid: Decimal | None
    slippage_arrival: Slippage | None
    slippage_benchmark: Slippage | None
    shortfall: Shortfall | None
    participation: Decimal | None
    venues: tuple[VenueReport, ...]
    missed: Missed
    market_order: MarketOrder | None
    fill_band: FillBand


def build(order: Order, slices: Sequence[Slice]) -> Report:
    """What came of the order.

    slices  all that are over, with looks and executions. Those that the order's progress does not know yet
            (they were stored after it was read) are left out
    """
    progress, ticket = order.progress, order.ticket
    slices = [
        one for one in slices if (one.number or progress.arrival_mid) and one.number <= progress.slices_done
    ]
    fills = [fill for one in slices for fill in one.executions]
    executed = exact_sum(fill.quantity for fill in fills)
    notional = exact_sum(EXACT.multiply(fill.price, fill.quantity) for fill in fills)
    arrival = progress.arrival_mid
    benchmark = timeline.time_weighted_mid(order, slices)
    return Report(
        order_id=order.id,
        symbol=ticket.symbol,
        side=ticket.side,
        status=order.status.value,
        outcome=order.outcome,
        quantity=ticket.quantity,
        executed=executed,
        fill_rate=quotient(executed, ticket.quantity, RATIO_PLACES),
        notional=notional,
        average_price=costs.average_price(notional, executed),
        fees=exact_sum(fill.fee for fill in fills),
        executions=len(fills),
        slices_done=progress.slices_done,
        slices_total=order.slices_total,
        arrival_mid=arrival,
        twap_benchmark=benchmark,
        final_mid=timeline.final_mid(slices),
        slippage_arrival=costs.slippage(ticket.side, notional, executed, arrival),
        slippage_benchmark=costs.slippage(ticket.side, notional, executed, benchmark),
        shortfall=_shortfall(order, slices, executed, notional),
        participation=_participation(order, slices),
        venues=_venues(order, slices, executed),
        missed=_missed(slices),
        market_order=market_order(order, slices),
        fill_band=fill_band(order, slices),
    )


def as_dict(report: Report) -> dict[str, object]:
    """Nested dicts and lists of Decimal, str, int, bool, datetime and None, named as the fields are."""
    return {field.name: _plain(getattr(report, field.name)) for field in fields(report)}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _shortfall(
    order: Order, slices: Sequence[Slice], executed: Decimal, notional: Decimal
) -> Shortfall | None:
    arrival, final = order.progress.arrival_mid, timeline.final_mid(slices)
    if arrival is None or final is None:
        return None
    ticket = order.ticket
    total = costs.shortfall(
        ticket.side,
        quantity=ticket.quantity,
        executed=executed,
        notional=notional,
        fees=exact_sum(fill.fee for one in slices for fill in one.executions),
        arrival=arrival,
        final=final,
    )
    split = costs.cost_split(ticket.side, ticket.quantity, slices, arrival, final)
    return Shortfall(total.quote, total.bps, split)


def _participation(order: Order, slices: Sequence[Slice]) -> Decimal | None:
    executed = displayed = ZERO
    with localcontext(EXACT):
        for one in slices:
            if one.executions:
                executed += one.filled
                displayed += sum((_displayed(order, look) for look in one.venues), ZERO)
    return quotient(executed, displayed, RATIO_PLACES) if displayed else None


def _displayed(order: Order, look: VenueLook) -> Decimal:
    if look.state is not BookState.LIVE:
        return ZERO
    if order.ticket.max_participation is not None:
        return look.visible
    return exact_sum(x.displayed for x in look.levels if within_limit(order.ticket, x.price))


def _venues(order: Order, slices: Sequence[Slice], executed: Decimal) -> tuple[VenueReport, ...]:
    live = timeline.live_ratios(order, slices)
    reports = []
    for exchange in order.ticket.exchanges:
        fills = [fill for one in slices for fill in one.executions if fill.exchange == exchange]
        quantity = exact_sum(fill.quantity for fill in fills)
        notional = exact_sum(EXACT.multiply(fill.price, fill.quantity) for fill in fills)
        reports.append(
            VenueReport(
                exchange,
                len(fills),
                quantity,
                notional,
                exact_sum(fill.fee for fill in fills),
                costs.average_price(notional, quantity),
                quotient(quantity, executed, RATIO_PLACES) if executed else None,
                live[exchange],
            )
        )
    return tuple(reports)


def _missed(slices: Sequence[Slice]) -> Missed:
    missed = [
        MissedSlice(
            one.number,
            one.due_at,
            one.reason,
            one.target,
            one.filled,
            EXACT.subtract(one.target, one.filled),
        )
        for one in slices
        if one.reason is not None
    ]
    by_reason = []
    for reason in MissReason:
        of_reason = [each for each in missed if each.reason is reason]
        if of_reason:
            by_reason.append(MissCount(reason, len(of_reason), exact_sum(x.missing for x in of_reason)))
    more = max(len(missed) - MOST_LISTED, 0)
    return Missed(len(missed), tuple(by_reason), tuple(missed[:MOST_LISTED]), more)
