"""Execution quality of one order, from what it stored: the same today and after any restart.

Money is exact. Averages, basis points and ratios are rounded once, half to even: prices to 8 places, basis
points to 4, ratios to 6. Positive slippage or shortfall is a cost: a buyer paid more, a seller got less.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from twap.domain import costs, timeline
from twap.domain.comparisons import BandReplays, FillBand, MarketOrder, market_order
from twap.domain.costs import RATIO_PLACES, CostSplit, CostSums, Slippage, quotient
from twap.domain.sweep import within_limit
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import add, exact_sum, multiply, subtract
from twap.ports.order import Execution, MissReason, Order, Outcome, Side, Slice, VenueLook

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


class Builder:
    """A report from slices that come in parts and are forgotten: only sums and small samples stay."""

    def __init__(self, order: Order) -> None:
        self._order = order
        arrival = order.progress.arrival_mid
        self._fills = {exchange: _Fills() for exchange in order.ticket.exchanges}
        self._missed = _MissedSums()
        self._timeline = timeline.Timeline(order)
        self._costs = None if arrival is None else CostSums(order.ticket.side, arrival)
        self._replays = BandReplays(order)
        self._arrival: Slice | None = None
        self._executed = self._displayed = ZERO

    def add(self, slices: Iterable[Slice]) -> None:
        """The next ones that are over, with looks and executions, by number from 0 (arrival).

        Those that the order's progress does not know yet (they were stored after it was read) are left out.
        """
        progress = self._order.progress
        for one in slices:
            if (one.number or progress.arrival_mid) and one.number <= progress.slices_done:
                self._add(one)

    def _add(self, one: Slice) -> None:
        if not one.number:
            self._arrival = one
        for fill in one.executions:
            self._fills.setdefault(fill.exchange, _Fills()).add(fill)
        if one.executions:
            self._executed = add(self._executed, one.filled)
            displayed = exact_sum(_displayed(self._order, look) for look in one.venues)
            self._displayed = add(self._displayed, displayed)
        self._missed.add(one)
        self._timeline.add(one)
        self._replays.add(one)
        if self._costs is not None:
            self._costs.add(one)

    def report(self) -> Report:
        """What came of the order, by the slices that were added."""
        order, progress, ticket = self._order, self._order.progress, self._order.ticket
        fills = self._fills.values()
        executed = exact_sum(each.quantity for each in fills)
        notional = exact_sum(each.notional for each in fills)
        fees = exact_sum(each.fees for each in fills)
        arrival, final = progress.arrival_mid, self._timeline.final_mid()
        benchmark = self._timeline.time_weighted_mid()
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
            fees=fees,
            executions=sum(each.count for each in fills),
            slices_done=progress.slices_done,
            slices_total=order.slices_total,
            arrival_mid=arrival,
            twap_benchmark=benchmark,
            final_mid=final,
            slippage_arrival=costs.slippage(ticket.side, notional, executed, arrival),
            slippage_benchmark=costs.slippage(ticket.side, notional, executed, benchmark),
            shortfall=self._shortfall(executed, notional, fees, final),
            participation=(
                quotient(self._executed, self._displayed, RATIO_PLACES) if self._displayed else None
            ),
            venues=self._venues(executed),
            missed=self._missed.missed(),
            market_order=None if self._arrival is None else market_order(order, self._arrival),
            fill_band=self._replays.band(),
        )

    def _shortfall(
        self, executed: Decimal, notional: Decimal, fees: Decimal, final: Decimal | None
    ) -> Shortfall | None:
        ticket, arrival = self._order.ticket, self._order.progress.arrival_mid
        if arrival is None or final is None or self._costs is None:
            return None
        total = costs.shortfall(
            ticket.side,
            quantity=ticket.quantity,
            executed=executed,
            notional=notional,
            fees=fees,
            arrival=arrival,
            final=final,
        )
        return Shortfall(total.quote, total.bps, self._costs.split(ticket.quantity, final))

    def _venues(self, executed: Decimal) -> tuple[VenueReport, ...]:
        live = self._timeline.live_ratios()
        return tuple(
            VenueReport(
                exchange,
                fills.count,
                fills.quantity,
                fills.notional,
                fills.fees,
                costs.average_price(fills.notional, fills.quantity),
                quotient(fills.quantity, executed, RATIO_PLACES) if executed else None,
                live[exchange],
            )
            for exchange in self._order.ticket.exchanges
            for fills in (self._fills[exchange],)
        )


def build(order: Order, slices: Iterable[Slice]) -> Report:
    """What came of the order; slices: all that are over, as in `Builder.add`."""
    builder = Builder(order)
    builder.add(slices)
    return builder.report()


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


def _displayed(order: Order, look: VenueLook) -> Decimal:
    if look.state is not BookState.LIVE:
        return ZERO
    if order.ticket.max_participation is not None:
        return look.visible
    return exact_sum(x.quantity for x in look.levels if within_limit(order.ticket, x.price))


class _Fills:
    """Sums over the executions on one exchange."""

    def __init__(self) -> None:
        self.count = 0
        self.quantity = self.notional = self.fees = ZERO

    def add(self, fill: Execution) -> None:
        self.count += 1
        self.quantity = add(self.quantity, fill.quantity)
        self.notional = add(self.notional, multiply(fill.price, fill.quantity))
        self.fees = add(self.fees, fill.fee)


class _MissedSums:
    def __init__(self) -> None:
        self._counts: dict[MissReason, MissCount] = {}
        self._listed: list[MissedSlice] = []

    def add(self, one: Slice) -> None:
        if one.reason is None:
            return
        missing = subtract(one.target, one.filled)
        before = self._counts.get(one.reason, MissCount(one.reason, 0, ZERO))
        total = add(before.missing, missing)
        self._counts[one.reason] = MissCount(one.reason, before.slices + 1, total)
        if len(self._listed) < MOST_LISTED:
            self._listed.append(
                MissedSlice(one.number, one.due_at, one.reason, one.target, one.filled, missing)
            )

    def missed(self) -> Missed:
        by_reason = tuple(self._counts[reason] for reason in MissReason if reason in self._counts)
        slices = sum(each.slices for each in by_reason)
        return Missed(slices, by_reason, tuple(self._listed), slices - len(self._listed))
