"""A finished order once more over its stored looks, under other assumptions.

The looks are what the order saw, so nothing is invented; where one is not deep enough for what is asked of it
now, that is said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from twap.domain import liquidity
from twap.domain.scene import Scene, ranking_factor, ranking_fees
from twap.domain.schedule import Schedule, target
from twap.domain.sweep import Swept, sweep, within_limit
from twap.ports.market import ZERO, Level
from twap.ports.numbers import EXACT, multiply, subtract, whole_lots
from twap.ports.order import (
    MissReason,
    Order,
    Slice,
    Taken,
    Ticket,
    VenueLook,
    VenueTerms,
)

_ALL = Decimal(1)

Looks = Iterable[tuple[int, Slice]]
"""Number of a slice in the replayed schedule, and the stored slice whose looks it takes."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """executed: base; notional, fees: quote, exact. limited: slices whose looks were not deep enough."""

    executed: Decimal
    notional: Decimal
    fees: Decimal
    executions: int
    limited: int


class Replay:
    """Schedule, sweep and liquidity memory of `order` over stored looks; late and paused slices fill nothing.

    order   the replayed one: its ticket may differ from that of the order that took the looks
    share   of every displayed quantity is there
    memory  False: each look offers all that it displays. The memory is the replay's own; what other orders
            had taken is not in it

    Looks of exchanges that `order` does not name are left out.
    """

    def __init__(self, order: Order, *, share: Decimal = _ALL, memory: bool = True) -> None:
        self._order, self._share, self._memory = order, share, memory
        self._schedule = Schedule.of(order)
        self._fees_of = {terms.exchange: terms.taker_fee for terms in order.terms}
        self._taken: dict[tuple[str, Decimal], Decimal] = {}
        self._executed_lots = self._executions = self._limited = 0
        self._notional = self._fees = ZERO

    def add(self, number: int, stored: Slice) -> None:
        """The next slice in the replayed schedule, by its number there, on the looks of a stored one."""
        if not stored.venues:
            return
        order, ticket = self._order, self._order.ticket
        wanted = target(self._schedule, number, self._executed_lots, ticket.catch_up)
        scene = self._scene(stored)
        if self._taken:
            deeper = {key: self._part(displayed) for key, displayed in stored.deeper.items()}
            self._taken = dict(liquidity.seen(self._taken, scene, deeper))
        if stored.reason is MissReason.PAUSED:
            return
        swept = sweep(ticket, order.terms, order.lot_size, scene, self._taken, wanted)
        self._limited += not deep_enough(order, ticket, scene, self._taken, wanted, swept)
        self._count(swept)

    def _scene(self, stored: Slice) -> Scene:
        """Where a book went on behind its look, the memory of deeper prices must stay: nobody knows."""
        ticket, looks = self._order.ticket, []
        for look in stored.venues:
            if look.exchange not in ticket.exchanges:
                continue
            if self._share != _ALL:
                levels = tuple([Level(x.price, self._part(x.quantity)) for x in look.levels])
                look = replace(look, levels=levels, visible=self._part(look.visible))  # noqa: PLW2901
            if ticket.max_participation is not None:
                look = _measured(look, ticket)  # noqa: PLW2901
            if look.more and look.levels:
                look = replace(look, horizon=look.levels[-1].price)  # noqa: PLW2901
            looks.append(look)
        return Scene(looks, ticket.side)

    def _part(self, displayed: Decimal) -> Decimal:
        return multiply(displayed, self._share)

    def _count(self, swept: Swept) -> None:
        with localcontext(EXACT):
            for fill in swept.fills:
                self._notional += fill.notional
                self._fees += fill.notional * self._fees_of[fill.exchange]
                self._executed_lots += fill.lots
                if self._memory:
                    key = (fill.exchange, fill.price)
                    self._taken[key] = self._taken.get(key, ZERO) + fill.quantity
        self._executions += len(swept.fills)

    def outcome(self) -> Replayed:
        return Replayed(
            multiply(self._order.lot_size, self._executed_lots),
            self._notional,
            self._fees,
            self._executions,
            self._limited,
        )


def replay(order: Order, looks: Looks) -> Replayed:
    """All at once, with the looks as they were stored and the liquidity memory."""
    replayed = Replay(order)
    for number, stored in looks:
        replayed.add(number, stored)
    return replayed.outcome()


def deep_enough(
    order: Order, ticket: Ticket, scene: Scene, taken: Taken, wanted_lots: int, swept: Swept
) -> bool:
    """Whether levels that the looks left out could not have changed these fills.

    That is sure of a look that reached the limit or the end of its book, that offers all that was wanted by
    itself, or whose last level ranks behind every fill while nothing was lacking.

    ticket, taken  that the slice was swept with
    """
    bounded = ticket.max_participation is not None
    lacking = swept.reason not in (None, MissReason.PARTICIPATION)
    for look in scene.venues:
        if not (look.more and look.levels):
            continue
        offers_all = _offers(look, taken, order.lot_size, wanted_lots)
        if offers_all and not bounded:
            continue
        edge = look.levels[-1].price
        if not within_limit(ticket, edge):
            continue
        if (bounded and _unmeasured(look)) or (not offers_all and lacking):
            return False
        if not offers_all and _ranks_before_a_fill(ticket, order.terms, look.exchange, edge, swept):
            return False
    return True


def _offers(look: VenueLook, taken: Taken, lot: Decimal, wanted_lots: int) -> bool:
    """Whether it holds all that was wanted.

    Levels beyond the limit count too: a look that has one of them reached the limit, and is deep enough.
    """
    for level in look.levels:
        if wanted_lots <= 0:
            break
        free = subtract(level.quantity, taken.get((look.exchange, level.price), ZERO))
        wanted_lots -= whole_lots(free, lot)
    return wanted_lots <= 0


def _ranks_before_a_fill(
    ticket: Ticket, terms: Sequence[VenueTerms], exchange: str, price: Decimal, swept: Swept
) -> bool:
    fee_of = dict(ranking_fees(ticket, terms))

    def rank(exchange: str, price: Decimal) -> Decimal:
        return multiply(price, ranking_factor(ticket.side, fee_of.get(exchange, ZERO)))

    return any(rank(exchange, price) < rank(fill.exchange, fill.price) for fill in swept.fills)


def _unmeasured(look: VenueLook) -> bool:
    """`_measured` filled in a sum over the levels looked at: less than all that was displayed."""
    with localcontext(EXACT):
        return look.visible == sum((level.quantity for level in look.levels), ZERO)


def _measured(look: VenueLook, ticket: Ticket) -> VenueLook:
    """With the visible quantity, at least that of the levels looked at, where it was not measured."""
    if look.visible or not look.levels:
        return look
    with localcontext(EXACT):
        within = (x.quantity for x in look.levels if within_limit(ticket, x.price))
        return replace(look, visible=sum(within, ZERO))
