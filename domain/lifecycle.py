"""The life of an order: which status may follow which, and the use cases that change it from outside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from twap.ports.bus import EventBus, OrderChanged
from twap.ports.clock import Clock
from twap.ports.errors import TransitionNotAllowed, Unavailable, UnknownOrder
from twap.ports.order import Order, OrderStatus
from twap.ports.store import OrderStore

ALLOWED = MappingProxyType(
    {
        OrderStatus.PENDING: frozenset(
            {OrderStatus.EXECUTING, OrderStatus.PAUSED, OrderStatus.CANCELED, OrderStatus.FAILED}
        ),
        OrderStatus.EXECUTING: frozenset(
            {OrderStatus.PAUSED, OrderStatus.COMPLETED, OrderStatus.CANCELED, OrderStatus.FAILED}
        ),
        OrderStatus.PAUSED: frozenset(
            {
                OrderStatus.PENDING,
                OrderStatus.EXECUTING,
                OrderStatus.COMPLETED,
                OrderStatus.CANCELED,
                OrderStatus.FAILED,
            }
        ),
        OrderStatus.COMPLETED: frozenset[OrderStatus](),
        OrderStatus.CANCELED: frozenset[OrderStatus](),
        OrderStatus.FAILED: frozenset[OrderStatus](),
    }
)
"""The one table of transitions. PAUSED goes back to PENDING where the schedule has not begun."""

_ATTEMPTS = 20


def moved(order: Order, status: OrderStatus, now: datetime, note: str | None = None) -> Order:
    """The order in another status, one revision on. Raises TransitionNotAllowed."""
    if status not in ALLOWED[order.status]:
        raise TransitionNotAllowed(order.id, order.status.value, status.value)
    return order.advanced(
        replace(
            order.progress,
            status=status,
            revision=order.progress.revision + 1,
            ended_at=now if status.over else None,
            note=note,
        )
    )


async def show(order_id: str, *, user_id: str, orders: OrderStore) -> Order:
    """Raises UnknownOrder, also for another user's order."""
    order = await orders.get(order_id)
    if order is None or order.user_id != user_id:
        raise UnknownOrder(order_id)
    return order


async def cancel(order_id: str, *, user_id: str, orders: OrderStore, clock: Clock, bus: EventBus) -> Order:
    """Cancel what is left; what was filled stays. Raises UnknownOrder, TransitionNotAllowed."""
    return await _change(order_id, lambda _: OrderStatus.CANCELED, user_id, orders, clock, bus)


async def pause(order_id: str, *, user_id: str, orders: OrderStore, clock: Clock, bus: EventBus) -> Order:
    """Slices that come due meanwhile are missed and carried. Raises UnknownOrder, TransitionNotAllowed."""
    return await _change(order_id, lambda _: OrderStatus.PAUSED, user_id, orders, clock, bus)


async def resume(order_id: str, *, user_id: str, orders: OrderStore, clock: Clock, bus: EventBus) -> Order:
    """Raises UnknownOrder; TransitionNotAllowed where the order is not paused."""
    return await _change(order_id, _resumed, user_id, orders, clock, bus)


async def cancel_all(user_id: str, *, orders: OrderStore, clock: Clock, bus: EventBus) -> None:
    """Cancel whatever of the user is not over."""
    for order in await orders.unfinished(user_id):
        try:
            await cancel(order.id, user_id=user_id, orders=orders, clock=clock, bus=bus)
        except TransitionNotAllowed:
            continue  # it ended by itself meanwhile


def _resumed(order: Order) -> OrderStatus:
    if order.status is not OrderStatus.PAUSED:
        raise TransitionNotAllowed(order.id, order.status.value, "resumed")
    return OrderStatus.PENDING if order.progress.started_at is None else OrderStatus.EXECUTING


async def _change(
    order_id: str,
    wanted: Callable[[Order], OrderStatus],
    user_id: str,
    orders: OrderStore,
    clock: Clock,
    bus: EventBus,
) -> Order:
    """The executor may store a slice at the same moment: then the change is tried on what it stored."""
    for _ in range(_ATTEMPTS):
        order = await show(order_id, user_id=user_id, orders=orders)
        changed = moved(order, wanted(order), clock.now())
        if await orders.change(changed):
            bus.publish(OrderChanged(changed))
            return changed
    raise Unavailable(f"order {order_id} changes too fast; try again", 1)
