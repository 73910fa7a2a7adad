"""Changes of a user's orders, for those of the user's clients that asked for them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import structlog

from twap.entrypoints.http import wire
from twap.entrypoints.services import Services
from twap.ports.account import Claims, User
from twap.ports.bus import BusEvent, LoginsEnded, Lost, OrderChanged
from twap.ports.order import Order

INBOX_UPDATES = 1000
RECHECK_SECONDS = 60.0
_RECENT_ORDERS = 100


class Inbox:
    """Order updates that one client has not been sent yet: all of them, or the notice that some were lost.

    updates   as text; None: before what follows is sent, the token must be looked at
    token     the access token it was opened with
    check_at  monotonic seconds: when the token must be looked at again
    """

    __slots__ = ("_wake", "check_at", "lost", "token", "updates", "user")

    def __init__(self, wake: Callable[[], None], user: User, token: str) -> None:
        self._wake = wake
        self.user, self.token = user, token
        self.updates: deque[str | None] = deque()
        self.lost = False
        self.check_at = 0.0

    def put(self, update: str | None) -> None:
        if len(self.updates) >= INBOX_UPDATES:
            self.lose()
        self.updates.append(update)
        self._wake()

    def lose(self) -> None:
        """What waits here is worth nothing any more: the state must be read anew."""
        self.updates.clear()
        self.lost = True
        self.check_at = 0.0  # among what was lost may have been that the token is dead
        self._wake()

    def forget(self) -> None:
        """The state is about to be read: it covers what waits here."""
        if None in self.updates:
            self.check_at = 0.0
        self.updates.clear()
        self.lost = False

    def checked(self, claims: Claims, wall: datetime, now: float) -> None:
        """The token was valid just now; it is looked at again in a minute, and when it expires."""
        self.check_at = now + min(RECHECK_SECONDS, (claims.expires_at - wall).total_seconds())


class OrderStreams:
    """One subscription to the bus for each user with clients here; every change is encoded once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._log = structlog.get_logger("twap.ws")
        self._inboxes: dict[str, set[Inbox]] = {}
        self._readers: dict[str, asyncio.Task[None]] = {}

    def join(self, inbox: Inbox) -> None:
        """From this call on the inbox gets every change."""
        user_id = inbox.user.id
        inboxes = self._inboxes.setdefault(user_id, set())
        inboxes.add(inbox)
        if user_id not in self._readers:
            events = self._services.bus.subscribe(user_id)
            self._readers[user_id] = asyncio.create_task(self._read(events, inboxes), name="order updates")

    def leave(self, inbox: Inbox) -> None:
        inboxes = self._inboxes.get(inbox.user.id, set())
        inboxes.discard(inbox)
        if not inboxes and (reader := self._readers.pop(inbox.user.id, None)) is not None:
            del self._inboxes[inbox.user.id]
            reader.cancel()

    async def resync(self, user_id: str) -> str:
        """The unfinished and the newest orders, as one message. Raises StorageError."""
        orders = self._services.storage.orders
        found = {order.id: order for order in await orders.page(user_id, limit=_RECENT_ORDERS)}
        found.update({order.id: order for order in await orders.unfinished(user_id)})
        newest_first = sorted(found.values(), key=_age, reverse=True)
        told = {"type": "resync", "orders": [wire.order_object(order) for order in newest_first]}
        return wire.encode(told).decode()

    async def _read(self, events: AsyncIterator[BusEvent], inboxes: set[Inbox]) -> None:
        try:
            async for event in events:
                match event:
                    case Lost():
                        for inbox in inboxes:
                            inbox.lose()
                    case LoginsEnded():
                        for inbox in inboxes:
                            inbox.put(None)
                    case OrderChanged():
                        self._deliver(event, inboxes)
        finally:
            # The port speaks of an iterator that can be closed; its type has no word for it.
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()

    def _deliver(self, event: OrderChanged, inboxes: set[Inbox]) -> None:
        try:
            update = order_update(event)
        except Exception:  # noqa: BLE001 - the stream goes on; its clients read the state instead
            self._log.exception("order update can't be encoded", order_id=event.order.id)
            for inbox in inboxes:
                inbox.lose()
            return
        for inbox in inboxes:
            inbox.put(update)


def order_update(event: OrderChanged) -> str:
    order = event.order
    told = {
        "type": "order_update",
        "order_id": order.id,
        "status": order.status.value,
        "order": wire.order_object(order),
        "executions": [wire.execution_object(each) for each in event.executions],
    }
    return wire.encode(told).decode()


def _age(order: Order) -> tuple[datetime, str]:
    return order.created_at, order.id
