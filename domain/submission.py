"""Use case: check an order and store it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, localcontext
from functools import reduce
from math import lcm

from twap.domain.market import Market
from twap.domain.schedule import Schedule, slice_count
from twap.domain.sweep import within_limit
from twap.ports.bus import EventBus, OrderChanged
from twap.ports.clock import Clock
from twap.ports.errors import Conflict, InvalidField, Throttled
from twap.ports.feed import MarketFeed
from twap.ports.ids import Ids
from twap.ports.market import ZERO, Instrument, canonical_symbol
from twap.ports.numbers import EXACT, canonical, multiply
from twap.ports.order import Order, OrderStatus, Progress, Side, Ticket, VenueTerms
from twap.ports.store import OrderStore

START_TOLERANCE = timedelta(seconds=5)
MOST_AHEAD = timedelta(days=7)


async def submit(
    ticket: Ticket,
    *,
    user_id: str,
    feed: MarketFeed,
    market: Market,
    orders: OrderStore,
    clock: Clock,
    bus: EventBus,
    ids: Ids,
    fees: Mapping[str, Decimal],
    most_running: int = 1_000,
) -> Order:
    """Check, store, announce and return a pending order; the same `client_order_id` and body give the same
    order, which is announced once.

    ticket        symbol and exchanges as the user wrote them
    fees          taker fee ratio by exchange
    most_running  orders of one user that are not over yet

    Raises InvalidField, UnknownExchange, UnknownSymbol, ExchangeUnavailable; Conflict where the
    `client_order_id` stands for a different order; Throttled where too many are running.
    """
    ticket = _normalised(ticket, feed)
    if (known := await _known(ticket, user_id, orders)) is not None:
        return known
    instruments = [await feed.instrument(exchange, ticket.symbol) for exchange in ticket.exchanges]
    order = build_order(ticket, instruments, order_id=ids.new(), user_id=user_id, now=clock.now(), fees=fees)
    order = replace(order, warnings=(*order.warnings, *_depth_warnings(order, market)))
    if await orders.count_unfinished(user_id) >= most_running:
        raise Throttled(f"{most_running} orders are running already; cancel one, or wait for its end", 60)
    stored = await orders.add(order)
    if stored.id != order.id:
        return _same(stored, ticket)
    bus.publish(OrderChanged(stored))
    return stored


def build_order(
    ticket: Ticket,
    instruments: Sequence[Instrument],
    *,
    order_id: str,
    user_id: str,
    now: datetime,
    fees: Mapping[str, Decimal],
) -> Order:
    """The pending order of this ticket, with its warnings. Raises InvalidField.

    ticket       symbol canonical, exchanges as spelled by their plugins
    instruments  of its exchanges, in the same order
    """
    lot = coarsest_lot(instruments)
    _check_price(ticket, instruments)
    _check_quantity(ticket, instruments, lot)
    order = Order(
        id=order_id,
        user_id=user_id,
        ticket=ticket,
        terms=tuple(_terms(each, fees) for each in instruments),
        lot_size=lot,
        created_at=now,
        starts_at=_start(ticket, now),
        slices_total=slice_count(ticket.duration, ticket.interval),
        progress=Progress(OrderStatus.PENDING),
    )
    return replace(order, warnings=_warnings(order))


async def _known(ticket: Ticket, user_id: str, orders: OrderStore) -> Order | None:
    """The order that was made of this request before: whatever has changed since, it is the answer."""
    if ticket.client_order_id is None:
        return None
    stored = await orders.find(user_id, ticket.client_order_id)
    return None if stored is None else _same(stored, ticket)


def _same(stored: Order, ticket: Ticket) -> Order:
    if stored.ticket != ticket:
        raise Conflict(f"client_order_id {ticket.client_order_id!r} stands for a different order already")
    return stored


def coarsest_lot(instruments: Sequence[Instrument]) -> Decimal:
    """The smallest quantity that is a multiple of every exchange's lot size."""
    places = max(0, *(-_exponent(each.lot_size) for each in instruments))
    scaled = [int(EXACT.scaleb(each.lot_size, places)) for each in instruments]
    return canonical(EXACT.scaleb(Decimal(reduce(lcm, scaled)), -places))


def _exponent(value: Decimal) -> int:
    exponent = canonical(value).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _normalised(ticket: Ticket, feed: MarketFeed) -> Ticket:
    names = tuple(feed.name_of(name) for name in ticket.exchanges)
    if not names:
        raise InvalidField("exchanges", "name at least one exchange")
    if len(set(names)) < len(names):
        raise InvalidField("exchanges", f"each exchange may be named once, got {', '.join(names)}")
    return replace(ticket, symbol=canonical_symbol(ticket.symbol), exchanges=names)


def _terms(instrument: Instrument, fees: Mapping[str, Decimal]) -> VenueTerms:
    return VenueTerms(
        instrument.exchange,
        instrument.tick_size,
        instrument.lot_size,
        instrument.min_quantity,
        instrument.min_notional,
        fees[instrument.exchange],
    )


def _start(ticket: Ticket, now: datetime) -> datetime:
    if ticket.start_at is None:
        return now
    if ticket.start_at < now - START_TOLERANCE:
        raise InvalidField("start_at", f"{ticket.start_at.date()}T{ticket.start_at:%H:%M:%SZ} is in the past")
    if ticket.start_at > now + MOST_AHEAD:
        raise InvalidField("start_at", f"may be at most {MOST_AHEAD.days} days ahead")
    return ticket.start_at


def _check_price(ticket: Ticket, instruments: Sequence[Instrument]) -> None:
    """The limit is a multiple of the finest tick: elsewhere it is a bound between two prices."""
    tick = min(each.tick_size for each in instruments)
    nearest = _nearest(ticket.limit_price, tick)
    if nearest != ticket.limit_price:
        raise InvalidField(
            "limit_price", f"{ticket.limit_price:f} is no multiple of the tick size {tick:f}", nearest
        )


def _check_quantity(ticket: Ticket, instruments: Sequence[Instrument], lot: Decimal) -> None:
    """At least one exchange must take the whole order, as far as its minimums go."""
    with localcontext(EXACT) as context:
        context.clear_traps()
        least_quantity = min(each.min_quantity for each in instruments)
        least_notional = min(each.min_notional for each in instruments)
        least = max(_up(least_quantity, lot), _up(least_notional / ticket.limit_price, lot), lot)
    quantity = ticket.quantity
    nearest = max(_nearest(quantity, lot), least)
    if EXACT.remainder(quantity, lot):
        raise InvalidField("total_quantity", f"{quantity:f} is no multiple of the lot size {lot:f}", nearest)
    if quantity < least_quantity:
        raise InvalidField(
            "total_quantity", f"{quantity:f} is below the minimum quantity {least_quantity:f}", nearest
        )
    if multiply(quantity, ticket.limit_price) < least_notional:
        raise InvalidField(
            "total_quantity",
            f"{quantity:f} at {ticket.limit_price:f} is below the minimum notional {least_notional:f}",
            nearest,
        )


def _up(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


def _nearest(value: Decimal, step: Decimal) -> Decimal:
    """The nearest multiple of the step that is above zero."""
    with localcontext(EXACT) as context:
        context.clear_traps()
        steps = (value / step).to_integral_value(ROUND_HALF_EVEN)
        return canonical(max(steps, Decimal(1)) * step)


def _warnings(order: Order) -> tuple[str, ...]:
    """What the user should know of an order that is allowed, but may not do what was meant."""
    schedule = Schedule.of(order)
    warnings = []
    if empty := schedule.empty_slices():
        warnings.append(
            f"{empty} of {schedule.slices} slices are empty: the total is {schedule.lots} lots of"
            f" {order.lot_size:f}"
        )
    per_slice = multiply(order.lot_size, -(-schedule.lots // schedule.slices))
    notional = multiply(per_slice, order.ticket.limit_price)
    for terms in order.terms:
        if per_slice < terms.min_quantity and terms.min_quantity > ZERO:
            warnings.append(
                f"a slice of {per_slice:f} is below the minimum quantity {terms.min_quantity:f} of"
                f" {terms.exchange}; a longer slice interval makes slices larger"
            )
        elif notional < terms.min_notional:
            warnings.append(
                f"a slice of {per_slice:f} is worth {notional:f}, below the minimum notional"
                f" {terms.min_notional:f} of {terms.exchange}; a longer slice interval makes slices larger"
            )
    return tuple(warnings)


def _depth_warnings(order: Order, market: Market) -> tuple[str, ...]:
    """Whether the order asks for more than its books could give, were they filled up anew for each slice.

    None where a book is not live yet, or displays nothing within the limit: the order may wait for its price.
    """
    ticket = order.ticket
    displayed = ZERO
    with localcontext(EXACT):
        for exchange in ticket.exchanges:
            bids, asks = market.levels(exchange, ticket.symbol)
            if not bids and not asks:
                return ()
            levels = asks if ticket.side is Side.BUY else bids
            displayed += sum((each.quantity for each in levels if within_limit(ticket, each.price)), ZERO)
        most = displayed * (ticket.max_participation or 1) * order.slices_total
        most -= most % order.lot_size
    if not displayed or ticket.quantity <= most:
        return ()
    return (
        f"{ticket.quantity:f} is more than the books could give: they display {displayed:f} within the limit,"
        f" so {canonical(most):f} at most, were they filled up anew for each of {order.slices_total} slices",
    )
