"""The orders that this process executes, and no other: claimed in the database for some seconds at a time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from twap.domain.schedule import Schedule
from twap.entrypoints.execution.order_feeds import OrderFeeds
from twap.entrypoints.execution.shared_memory import SharedMemory
from twap.ports.clock import Clock
from twap.ports.errors import StorageError
from twap.ports.order import Order
from twap.ports.store import Claimed, OrderStore

CLAIM_SECONDS = 1.0
LEASE_SECONDS = 15.0
CLAIMED_AT_ONCE = 2_000


@dataclass(slots=True)
class Held:
    """A claimed order. due: when it is in the agenda for; an entry of another time is out of date."""

    order: Order
    fence: int
    schedule: Schedule
    due: datetime | None = None


class Claims:
    """What is held is fed with books, and its liquidity memory is known to the user's other orders.

    owner  names this process: unique among all that use the same database
    """

    def __init__(
        self, owner: str, orders: OrderStore, feeds: OrderFeeds, shared: SharedMemory, clock: Clock
    ) -> None:
        self._owner, self._orders = owner, orders
        self._feeds, self._shared, self._clock = feeds, shared, clock
        self._held: dict[str, Held] = {}
        self._asked = asyncio.Event()
        self._next_claim = 0.0
        self._next_renewal = 0.0
        self._log = structlog.get_logger("twap.executor")

    def __len__(self) -> int:
        return len(self._held)

    def get(self, order_id: str) -> Held | None:
        return self._held.get(order_id)

    def ask(self) -> None:
        """There may be something to claim now."""
        self._asked.set()

    async def asked(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    def due_in(self) -> float:
        """Seconds until it is time to claim again."""
        if self._asked.is_set():
            return 0.0
        return max(self._next_claim - self._clock.monotonic(), 0.0)

    async def renew(self) -> Sequence[Held]:
        """Where it is time: prolong the claims, and take what is free, which is returned.

        Raises StorageError; it is then tried again in a second.
        """
        if self.due_in() > 0:
            return ()
        monotonic, now = self._clock.monotonic(), self._clock.now()
        self._asked.clear()
        self._next_claim = monotonic + CLAIM_SECONDS
        if monotonic >= self._next_renewal:
            await self._orders.renew(self._owner, now=now, lease_seconds=LEASE_SECONDS)
            self._next_renewal = monotonic + LEASE_SECONDS / 3
        claimed = await self._orders.claim(
            self._owner, now=now, lease_seconds=LEASE_SECONDS, limit=CLAIMED_AT_ONCE
        )
        if len(claimed) == CLAIMED_AT_ONCE:
            self.ask()
        return [held for one in claimed if (held := self._take(one)) is not None]

    def _take(self, one: Claimed) -> Held | None:
        previous = self._held.get(one.order.id)
        if previous is not None:
            self.drop(previous)
        try:
            held = Held(one.order, one.fence, Schedule.of(one.order))
        except Exception:  # noqa: BLE001 - damaged in the database, it must not stop the others
            self._log.exception("order_failed", order_id=one.order.id)
            return None
        self._held[one.order.id] = held
        self._feeds.acquire(one.order)
        self._shared.put(one.order)
        return held

    def drop(self, held: Held) -> None:
        """It is over, or another's."""
        if self._held.get(held.order.id) is held:
            del self._held[held.order.id]
            self._feeds.release(held.order)
            self._shared.forget(held.order)

    async def release(self) -> None:
        """Give up all of them, so that another process can go on at once."""
        for held in list(self._held.values()):
            self.drop(held)
        with suppress(StorageError):
            await self._orders.release(self._owner)
