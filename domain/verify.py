"""An order computed once more from its stored looks, and compared with what is stored, digit by digit.

The same functions that filled it run again: schedule, sweep, liquidity memory. A digit that takes part in
any fill, slice or total can't change without a discrepancy. That of a look or of the request which changes
none of them (the rest of a level that was only partly taken) is told by the storage's checksums.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from twap.domain import liquidity
from twap.domain.execution import filled_slice, is_late
from twap.domain.scene import Scene, worse
from twap.domain.schedule import Schedule, planned_and_target
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import add, exact_sum, multiply, whole_lots
from twap.ports.order import MissReason, Order, OrderStatus, Slice, Taken

_SLICE_FIELDS = ("order_id", "due_at", "planned", "target", "filled", "reason", "mid")
_FILL_FIELDS = (
    "id",
    "order_id",
    "slice",
    "symbol",
    "side",
    "quantity",
    "price",
    "fee",
    "exchange",
    "timestamp",
)
_STAMP_FIELDS = ("sequence", "exchange_time", "age_ms")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """slice: None for the order's own fields; field: as `executions[2].price`."""

    slice: int | None
    field: str
    stored: object
    expected: object

    def __str__(self) -> str:
        where = "order" if self.slice is None else f"slice {self.slice}"
        return f"{where}: {self.field} is {_text(self.stored)}, expected {_text(self.expected)}"


@dataclass(slots=True)
class _Followed:
    """What the order's progress must be after the slices seen so far."""

    taken: Taken
    executed: Decimal = ZERO
    notional: Decimal = ZERO
    fees: Decimal = ZERO
    lots_count: int = 0

    def count(self, one: Slice) -> None:
        """The look has been followed already."""
        fills = one.executions
        self.taken = liquidity.with_fills(self.taken, fills)
        self.executed = add(self.executed, exact_sum(fill.quantity for fill in fills))
        notional = exact_sum(multiply(fill.price, fill.quantity) for fill in fills)
        self.notional = add(self.notional, notional)
        self.fees = add(self.fees, exact_sum(fill.fee for fill in fills))
        self.lots_count += len(fills)


def verify(order: Order, slices: Sequence[Slice], *, shared: bool = False) -> list[Discrepancy]:
    """What is stored but does not follow from the looks; empty: every digit agrees.

    slices  read after the order; of a running order, those its progress does not know yet are left out
    shared  the user's orders shared their liquidity memory: a look may hold more as taken than the order's
            own fills account for, never less

    What follows a discrepancy is computed from what should stand there, so the first one is the cause. A
    request that was changed so that nothing can be computed from it (a lot of 0) is the only one named.
    """
    if order.intact:
        return _computed(order, slices, shared=shared)
    changed = [Discrepancy(None, "request", "changed", "as it was stored")]
    try:
        return changed + _computed(order, slices, shared=shared)
    except ArithmeticError:
        return changed


def _computed(order: Order, slices: Sequence[Slice], *, shared: bool) -> list[Discrepancy]:
    if not order.status.over:
        done, arrived = order.progress.slices_done, order.progress.arrival_mid is not None
        slices = [one for one in slices if one.number <= done and (one.number or arrived)]
    arrival = next((one for one in slices if one.number == 0), None)
    later = [one for one in slices if one.number > 0]
    found = list(_arrival(order, arrival, later))
    followed = _Followed(taken={})
    schedule, exchanges = Schedule.of(order), {terms.exchange for terms in order.terms}
    for one in later:
        if not 1 <= one.number <= schedule.slices:
            found.append(Discrepancy(one.number, "number", one.number, f"1 to {schedule.slices}"))
            continue
        scene = Scene(one.venues, order.ticket.side)
        if not {look.exchange for look in one.venues} <= exchanges:
            found += _looks(order, one, scene)
            followed.count(one)  # nothing of it follows from another order's look, or without terms
            continue
        if one.venues:
            followed.taken = liquidity.seen(followed.taken, scene, one.deeper)
        found += _looks(order, one, scene)
        found += _memory(one, scene, followed.taken if one.venues else {}, shared=shared)
        expected = _expected(order, schedule, one, scene, followed.executed)
        found += _slice_differs(one, expected)
        followed.count(expected)
    found += _start_differs(order, slices)
    found += _order_differs(order, schedule, later, followed)
    return found


def _arrival(order: Order, arrival: Slice | None, later: Sequence[Slice]) -> Iterator[Discrepancy]:
    stored = order.progress.arrival_mid
    seen_at = [one.looked_at for one in later if one.mid is not None]
    if arrival is None:
        yield from _differ(None, [("arrival_mid", stored, None)])
        if seen_at:
            yield Discrepancy(0, "number", "missing", "the look at arrival: a later slice met a fresh book")
        return
    scene = Scene(arrival.venues, order.ticket.side)
    yield from _looks(order, arrival, scene)
    yield from _memory(arrival, scene, {}, shared=False)
    yield from _differ(None, [("arrival_mid", stored, scene.mid)])
    plain = Slice(
        order.id, 0, order.starts_at, arrival.looked_at, ZERO, ZERO, ZERO, None, scene.mid, arrival.venues
    )
    yield from _slice_differs(arrival, plain)
    if seen_at and min(seen_at) < arrival.looked_at:
        yield Discrepancy(0, "looked_at", arrival.looked_at, f"at most {_text(min(seen_at))}")


def _looks(order: Order, one: Slice, scene: Scene) -> Iterator[Discrepancy]:
    """The looks are one per exchange, in order, best price first."""
    if not one.intact:
        yield Discrepancy(one.number, "looks", "changed", "as they were stored, at their time")
    names = tuple(look.exchange for look in scene.venues)
    if scene.venues:
        yield from _differ(one.number, [("venues", names, order.ticket.exchanges)])
    for look in scene.venues:
        if look.state is not BookState.LIVE and look.levels:
            yield Discrepancy(one.number, f"{look.exchange} levels", len(look.levels), "none: no live book")
        before: Decimal | None = None
        for level in look.levels:
            if before is not None and not worse(scene.side, level.price, before):
                name = f"{_level(look.exchange, level.price)} price"
                yield Discrepancy(one.number, name, level.price, f"worse than {before:f}")
            before = level.price


def _memory(one: Slice, scene: Scene, expected: Taken, *, shared: bool) -> Iterator[Discrepancy]:
    """The slice knows what the order took before. expected: by the slices before it, after this look."""
    for key in sorted({*one.taken, *expected}):
        name, stored, own = f"{_level(*key)} taken", one.taken.get(key, ZERO), expected.get(key, ZERO)
        if not shared:
            yield from _differ(one.number, [(name, stored, own)])
            continue
        displayed = scene.displayed.get(key, one.deeper.get(key))
        if stored < own or (displayed is not None and stored > displayed):
            most = "no end" if displayed is None else f"{displayed:f}"
            yield Discrepancy(one.number, name, stored, f"{own:f} to {most}")
    for exchange, price in sorted(one.deeper):
        if (exchange, price) in scene.displayed or (exchange, price) not in one.taken:
            where = "a remembered price behind the look"
            yield Discrepancy(one.number, f"{exchange} deeper level", price, where)


def _level(exchange: str, price: Decimal) -> str:
    return f"{exchange} level {price:f}"


def _expected(order: Order, schedule: Schedule, one: Slice, scene: Scene, executed: Decimal) -> Slice:
    """The slice as the domain computes it from its looks."""
    lot, latency = order.lot_size, order.ticket.latency
    due_at = schedule.due_at(one.number)
    executed_lots = whole_lots(executed, lot)
    planned_lots, wanted = planned_and_target(schedule, one.number, executed_lots, order.ticket.catch_up)
    planned, quantity = multiply(lot, planned_lots), multiply(lot, wanted)
    overdue = is_late(schedule, due_at, one.looked_at, latency)
    late = overdue or one.number < schedule.latest_due(one.looked_at, latency)
    # The looks alone can't tell that an order was paused; what they can tell is what follows from it.
    paused = one.reason is MissReason.PAUSED
    if not (late or paused):
        return filled_slice(
            order, one.number, due_at, one.looked_at, planned, quantity, wanted, scene, one.taken, one.deeper
        )
    reason = MissReason.LATE if late else MissReason.PAUSED
    return Slice(
        order.id,
        one.number,
        due_at,
        one.looked_at,
        planned,
        quantity,
        ZERO,
        reason if wanted else None,
        None if late else scene.mid,
        () if late else scene.venues,
    )


def _slice_differs(one: Slice, expected: Slice) -> Iterator[Discrepancy]:
    yield from _differ(one.number, [(x, getattr(one, x), getattr(expected, x)) for x in _SLICE_FIELDS])
    yield from _differ(one.number, [("looks", len(one.venues), len(expected.venues))])
    yield from _differ(one.number, [("executions", len(one.executions), len(expected.executions))])
    for position, (fill, right) in enumerate(zip(one.executions, expected.executions, strict=False), 1):
        name = f"executions[{position}]"
        pairs = [(f"{name}.{x}", getattr(fill, x), getattr(right, x)) for x in _FILL_FIELDS]
        pairs += [(f"{name}.book.{x}", getattr(fill.book, x), getattr(right.book, x)) for x in _STAMP_FIELDS]
        yield from _differ(one.number, pairs)


def _order_differs(
    order: Order, schedule: Schedule, slices: Sequence[Slice], followed: _Followed
) -> Iterator[Discrepancy]:
    progress = order.progress
    numbers = [one.number for one in slices]
    if len(numbers) != progress.slices_done or numbers != list(range(1, len(numbers) + 1)):
        told = min(progress.slices_done, len(numbers) + _MOST_NAMED)  # whatever number stands there
        wrong = sorted(set(numbers) ^ set(range(1, told + 1)))[:_MOST_NAMED]
        yield Discrepancy(None, "slices_done", progress.slices_done, f"slices that disagree: {wrong}")
    totals = ("executed", "notional", "fees", "lots_count")
    yield from _differ(None, [(x, getattr(progress, x), getattr(followed, x)) for x in totals])
    if progress.executed > order.ticket.quantity:
        yield Discrepancy(None, "executed", progress.executed, f"at most {order.ticket.quantity:f}")
    for exchange, price in sorted({*progress.taken, *followed.taken}):
        key = (exchange, price)
        name = f"taken {exchange} {price:f}"
        yield from _differ(None, [(name, progress.taken.get(key, ZERO), followed.taken.get(key, ZERO))])
    yield from _life_differs(order, schedule, slices)


def _start_differs(order: Order, slices: Sequence[Slice]) -> Iterator[Discrepancy]:
    """The schedule begins when it was asked to, and the order with its first look at the latest."""
    started_at, starts_at = order.progress.started_at, order.starts_at
    yield from _differ(None, [("starts_at", starts_at, order.ticket.start_at or order.created_at)])
    first = min((one.looked_at for one in slices), default=None)
    if started_at is None:
        if first is not None:
            yield Discrepancy(None, "started_at", None, "a time: slices are done")
    elif started_at < starts_at:
        yield Discrepancy(None, "started_at", started_at, f"at least {_text(starts_at)}")
    elif first is not None and started_at > first:
        yield Discrepancy(None, "started_at", started_at, f"at most {_text(first)}")


def _life_differs(order: Order, schedule: Schedule, slices: Sequence[Slice]) -> Iterator[Discrepancy]:
    """Status and times go with the slices that are done."""
    progress, status = order.progress, order.status
    complete = progress.slices_done >= schedule.slices
    if complete != (status is OrderStatus.COMPLETED):
        wanted = OrderStatus.COMPLETED.value if complete else "a status of an unfinished schedule"
        yield Discrepancy(None, "status", status.value, wanted)
    if status is OrderStatus.COMPLETED and slices:
        yield from _differ(None, [("ended_at", progress.ended_at, slices[-1].looked_at)])
    elif (progress.ended_at is not None) != status.over:
        yield Discrepancy(None, "ended_at", progress.ended_at, "a time" if status.over else None)


def _differ(number: int | None, pairs: Iterable[tuple[str, object, object]]) -> Iterator[Discrepancy]:
    for field, stored, expected in pairs:
        if stored != expected:
            yield Discrepancy(number, field, stored, expected)


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
