"""The fills of one slice: best price first over the looks of the order's exchanges.

Computed from the looks alone. Quantities are whole lots; what a level holds beyond whole lots is left there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT
from twap.ports.order import FeeRanking, MissReason, Side, Ticket, VenueLook, VenueTerms


@dataclass(frozen=True, slots=True)
class Fill:
    """lots > 0 at one price of one exchange."""

    exchange: str
    price: Decimal
    lots: int


@dataclass(frozen=True, slots=True)
class Swept:
    """reason: why fewer than the target's lots were filled; None: all were."""

    fills: tuple[Fill, ...]
    reason: MissReason | None


@dataclass(frozen=True, slots=True)
class _Candidate:
    exchange: str
    price: Decimal
    rank_price: Decimal
    displayed: Decimal
    lots: int


def sweep(
    ticket: Ticket,
    terms: Sequence[VenueTerms],
    lot: Decimal,
    venues: Sequence[VenueLook],
    target_lots: int,
) -> Swept:
    """Fill up to `target_lots`, never beyond the limit price.

    Ranking: by price (after taker fee where the ticket says so); at equal prices the exchange that displays
    more first, then by name. An exchange on which the slice would stay below the minimum quantity or
    notional gets nothing, and the others are swept again without it.
    """
    live = [look for look in venues if look.state is BookState.LIVE]
    if not live:
        all_down = all(look.state is BookState.DOWN for look in venues)
        return Swept((), MissReason.DOWN if all_down else MissReason.STALE)
    by_exchange = {each.exchange: each for each in terms}
    with localcontext(EXACT):
        allowed = _participation(ticket, lot, live, target_lots)
        candidates = _ranked(ticket, by_exchange, lot, live)
        fills = _take(candidates, allowed)
        below = _below_minimum(fills, by_exchange, lot)
        excluded = False
        while below is not None:
            excluded = True
            candidates = [each for each in candidates if each.exchange != below]
            fills = _take(candidates, allowed)
            below = _below_minimum(fills, by_exchange, lot)
    filled = sum(fill.lots for fill in fills)
    if filled >= target_lots:
        return Swept(fills, None)
    if excluded:
        return Swept(fills, MissReason.MINIMUM)
    if filled >= allowed:
        return Swept(fills, MissReason.PARTICIPATION)
    return Swept(fills, _shortage(ticket, live))


def within_limit(ticket: Ticket, price: Decimal) -> bool:
    return price <= ticket.limit_price if ticket.side is Side.BUY else price >= ticket.limit_price


def _participation(ticket: Ticket, lot: Decimal, live: Sequence[VenueLook], target_lots: int) -> int:
    if ticket.max_participation is None:
        return target_lots
    visible = sum((look.visible for look in live), ZERO)
    return min(target_lots, int(visible * ticket.max_participation // lot))


def _ranked(
    ticket: Ticket, terms: dict[str, VenueTerms], lot: Decimal, live: Sequence[VenueLook]
) -> list[_Candidate]:
    buying = ticket.side is Side.BUY
    candidates = []
    for look in live:
        fee = terms[look.exchange].taker_fee if ticket.fees is FeeRanking.INCLUDE else ZERO
        factor = 1 + fee if buying else 1 - fee
        for level in look.levels:
            if not within_limit(ticket, level.price):
                continue
            lots = int((level.displayed - level.taken) // lot)
            if lots > 0:
                candidates.append(
                    _Candidate(look.exchange, level.price, level.price * factor, level.displayed, lots)
                )
    sign = 1 if buying else -1
    candidates.sort(key=lambda each: (sign * each.rank_price, -each.displayed, each.exchange))
    return candidates


def _take(candidates: Sequence[_Candidate], lots: int) -> tuple[Fill, ...]:
    fills = []
    for candidate in candidates:
        if lots <= 0:
            break
        taken = min(candidate.lots, lots)
        fills.append(Fill(candidate.exchange, candidate.price, taken))
        lots -= taken
    return tuple(fills)


def _below_minimum(fills: Sequence[Fill], terms: dict[str, VenueTerms], lot: Decimal) -> str | None:
    """The exchange with the smallest notional of those whose minimum this slice would break."""
    quantities: dict[str, Decimal] = {}
    notionals: dict[str, Decimal] = {}
    for fill in fills:
        quantity = fill.lots * lot
        quantities[fill.exchange] = quantities.get(fill.exchange, ZERO) + quantity
        notionals[fill.exchange] = notionals.get(fill.exchange, ZERO) + quantity * fill.price
    below = [
        (notionals[name], name)
        for name, quantity in quantities.items()
        if quantity < terms[name].min_quantity or notionals[name] < terms[name].min_notional
    ]
    return min(below)[1] if below else None


def _shortage(ticket: Ticket, live: Sequence[VenueLook]) -> MissReason:
    """The books gave out within the limit: is there more beyond it?"""
    beyond = any(
        look.more or (look.levels and not within_limit(ticket, look.levels[-1].price)) for look in live
    )
    return MissReason.BEYOND_LIMIT if beyond else MissReason.NO_LIQUIDITY
