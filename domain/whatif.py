"""A finished order once more on the books it saw, with other parameters: one table of costs.

Only looks that were stored are used, at the moments they were taken. So times can't be finer than they were,
and random times stay those of the order; other sizes, coarser intervals, bounds and exchanges can be tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from twap.domain import costs, timeline
from twap.domain.costs import RATIO_PLACES, Slippage, quotient
from twap.domain.replay import replay
from twap.domain.schedule import slice_count
from twap.ports.order import FeeRanking, Order, Randomize, Slice, Ticket

COARSER = (2, 5, 10)
PARTICIPATIONS = (Decimal("0.1"), Decimal("0.25"))
CATCH_UPS = (Decimal(1), Decimal(3), Decimal(10))
_OTHER_SEEDS = 2
_RANDOM_SIZE = Decimal("0.25")


@dataclass(frozen=True, slots=True)
class Variant:
    """ticket: what would have been asked; every: only each so many-th slice is made."""

    name: str
    ticket: Ticket
    every: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row of the table.

    executed        base; fees, shortfall: quote, exact
    slippage        of the average price against the order's own arrival mid
    shortfall       implementation shortfall, with fees and opportunity cost; None without a mid
    limited_slices  whose looks held fewer levels than this variant might have taken from
    """

    name: str
    executed: Decimal
    fill_rate: Decimal
    average_price: Decimal | None
    fees: Decimal
    slippage: Slippage | None
    shortfall: Slippage | None
    executions: int
    limited_slices: int

    @property
    def limited(self) -> bool:
        return self.limited_slices > 0


def variants(order: Order, slices: Sequence[Slice]) -> list[Variant]:
    """The order as it was, then all that the stored looks can answer."""
    ticket = order.ticket
    done = max((one.number for one in slices), default=0)
    found = [Variant("as it was", ticket)]
    found += [
        Variant(f"interval x {n}", replace(ticket, interval=n * ticket.interval), n)
        for n in COARSER
        if n <= done
    ]
    found += _seeds(ticket)
    found += [
        Variant(f"max_participation {share}", replace(ticket, max_participation=share))
        for share in PARTICIPATIONS
        if share != ticket.max_participation
    ]
    found += [
        Variant(f"catch_up {bound}", replace(ticket, catch_up=bound))
        for bound in CATCH_UPS
        if bound != ticket.catch_up
    ]
    other = FeeRanking.IGNORE if ticket.fees is FeeRanking.INCLUDE else FeeRanking.INCLUDE
    found.append(Variant(f"fees {other.value}", replace(ticket, fees=other)))
    return found + _exchanges(ticket)


def run(order: Order, slices: Sequence[Slice], variant: Variant) -> Outcome:
    """What the variant would have cost on the stored looks."""
    ticket, every = variant.ticket, variant.every
    total = slice_count(ticket.duration, ticket.interval)
    changed = replace(order, ticket=ticket, slices_total=total)
    by_number = {one.number: one for one in slices}
    looks = (
        (number, by_number[stored])
        for number in range(1, total + 1)
        if (stored := min(number * every, order.slices_total)) in by_number
    )
    replayed = replay(changed, looks)
    executed, notional, side = replayed.executed, replayed.notional, ticket.side
    arrival, final = order.progress.arrival_mid, timeline.final_mid(slices)
    shortfall = None
    if arrival is not None and final is not None:
        shortfall = costs.shortfall(
            side,
            quantity=ticket.quantity,
            executed=executed,
            notional=notional,
            fees=replayed.fees,
            arrival=arrival,
            final=final,
        )
    return Outcome(
        variant.name,
        executed,
        quotient(executed, ticket.quantity, RATIO_PLACES),
        costs.average_price(notional, executed),
        replayed.fees,
        costs.slippage(side, notional, executed, arrival),
        shortfall,
        replayed.executions,
        replayed.limited,
    )


def table(order: Order, slices: Sequence[Slice]) -> list[Outcome]:
    """Every variant's outcome, "as it was" first."""
    return [run(order, slices, variant) for variant in variants(order, slices)]


def _seeds(ticket: Ticket) -> list[Variant]:
    """Other seeds of a randomised order; for an even one, what random sizes would have done."""
    given = ticket.randomize
    if given is None or not given.size:
        randomize = Randomize(size=_RANDOM_SIZE, seed=1)
        return [Variant(f"random sizes {_RANDOM_SIZE}", replace(ticket, randomize=randomize))]
    seeds = range(given.seed + 1, given.seed + 1 + _OTHER_SEEDS)
    return [Variant(f"seed {n}", replace(ticket, randomize=replace(given, seed=n))) for n in seeds]


def _exchanges(ticket: Ticket) -> list[Variant]:
    names = ticket.exchanges
    if len(names) < 2:
        return []
    found = [Variant(f"{name} alone", replace(ticket, exchanges=(name,))) for name in names]
    if len(names) > 2:
        found += [
            Variant(f"without {name}", replace(ticket, exchanges=tuple(x for x in names if x != name)))
            for name in names
        ]
    return found
