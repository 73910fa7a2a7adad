"""The executor: one scheduler for all orders that this process has claimed. No task or timer per order.

claim what is due soon ─► agenda ─► advance (domain) ─► record in batches ─► publish
                            ▲                               │
                            └───────────────────────────────┘
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import structlog

from twap.domain.execution import Advance, Books, advance, next_event_at
from twap.domain.lifecycle import moved
from twap.entrypoints.execution.agenda import Agenda
from twap.entrypoints.execution.claims import Claims, Held
from twap.entrypoints.execution.order_feeds import OrderFeeds
from twap.entrypoints.execution.shared_memory import SharedMemory
from twap.entrypoints.execution.stats import ExecutionStats
from twap.ports.bus import EventBus, OrderChanged
from twap.ports.clock import Clock
from twap.ports.errors import StorageError
from twap.ports.order import Order, OrderStatus, Progress
from twap.ports.store import Batch, OrderStore, Recorded, Step

LONG_WORK_SECONDS = 3.0
"""Work without end must not let the claims run out; before that, claims wait, as the looks would for them."""
STEPS_AT_ONCE = 2_000
"""In one transaction, where so many are due: fewer commits, and pages of the indexes are written once."""
BATCHES_WAITING = 2
"""So many may have looked and wait for the database; then the others that are due wait for it, too."""
SETTLED_AT_ONCE = 200
"""Of a batch that was stored: then the event loop gets a turn, after some 2 ms."""
BATCHES_ON_THEIR_WAY = 3
RETRY = timedelta(seconds=1)
YIELD_AFTER_SECONDS = 0.005
"""Of looks: then the event loop gets a turn. The books are prepared anew after it."""


class _Move(NamedTuple):
    held: Held
    advance: Advance


class _Pile(NamedTuple):
    """What is to be stored together. batch: the same moves, as steps."""

    moves: list[_Move]
    batch: Batch

    @property
    def full(self) -> bool:
        return len(self.moves) >= STEPS_AT_ONCE


class Market(Protocol):
    def at_once(self) -> Books:
        """The books as they are now, to be looked at before anything else happens."""


class Executor:
    """Executes the orders it can claim, until it is stopped.

    owner  names this process in claims: unique among all that use the same database
    """

    def __init__(
        self,
        *,
        owner: str,
        market: Market,
        feeds: OrderFeeds,
        orders: OrderStore,
        bus: EventBus,
        clock: Clock,
        stats: ExecutionStats,
        shared: SharedMemory,
    ) -> None:
        self.stats = stats
        self._claims = Claims(owner, orders, feeds, shared, clock)
        self._market = market
        self._orders = orders
        self._bus = bus
        self._clock = clock
        self._shared = shared
        self._agenda = Agenda()
        self._log = structlog.get_logger("twap.executor")

    def wake(self) -> None:
        """There may be something to claim, or an order was changed from outside."""
        self._claims.ask()

    def status(self) -> Mapping[str, Any]:
        return {"orders": len(self._claims), **self.stats.summary()}

    async def run(self) -> None:
        """Until cancelled; the slice at hand is then finished or abandoned whole, and claims are given up."""
        try:
            while True:
                await self._work()
                await self._claim()  # thousands of claims take 30 ms to renew: what is due comes first
                await self._pause()
        finally:
            await self._claims.release()

    async def _claim(self) -> None:
        try:
            claimed = await self._claims.renew()
        except StorageError as error:
            self._trouble(error)
            return
        now = self._clock.now()
        for held in claimed:
            self._schedule(held, now)

    def _schedule(self, held: Held, now: datetime, not_before: datetime | None = None) -> None:
        due = next_event_at(held.order, now, held.schedule)
        if due is None:
            self._claims.drop(held)
            return
        held.due = due if not_before is None else max(due, not_before)
        self._agenda.put(held.due, held.order.id)

    # -- due slices

    def _advance_some(self, pile: _Pile) -> bool:
        """Whatever is due, in order of due time, for some milliseconds, on the books of one instant; whether
        there may be more to do."""
        now, began = self._clock.now(), self._clock.monotonic()
        books, busy = self._market.at_once(), 0.0
        while busy <= YIELD_AFTER_SECONDS and not pile.full:
            entry = self._agenda.pop(now)
            if entry is None:
                self.stats.busy(busy)
                return False
            due, order_id = entry
            held = self._claims.get(order_id)
            if held is None or held.due != due:
                continue
            step = self._advance(held, now, books)
            if step is None:
                self._schedule(held, now)
                continue
            held.due = None
            self._put(pile, held, step, now)
            busy = self._clock.monotonic() - began
        self.stats.busy(busy)
        return True

    def _put(self, pile: _Pile, held: Held, step: Advance, now: datetime) -> None:
        try:
            pile.batch.add(Step(step.order, held.fence, step.slices))
        except Exception:  # noqa: BLE001 - a fault of the storage must not end all orders
            self._log.exception("recording_failed", orders=1)
            self.stats.failed()
            self._schedule(held, now, now + RETRY)
        else:
            pile.moves.append(_Move(held, step))
            self._shared.put(step.order)

    async def _work(self) -> None:
        """Advance and record what is due. Looks don't wait for the database: it gets what they have brought,
        batch by batch, and several may be on their way, so that neither waits for the other."""
        began = self._clock.monotonic()
        pile, waiting = self._pile(), deque[_Pile]()
        writing: deque[asyncio.Task[None]] = deque()
        more = self._advance_some(pile)
        if not pile.moves:
            return
        try:
            while pile.moves or waiting or writing:
                if pile.full or (pile.moves and not more):
                    waiting.append(pile)
                    pile = self._pile()
                held_up = len(waiting) > BATCHES_WAITING
                if waiting and len(writing) < BATCHES_ON_THEIR_WAY:
                    writing.append(asyncio.create_task(self._record(waiting.popleft())))
                    if self._clock.monotonic() - began > LONG_WORK_SECONDS:
                        await self._claim()
                elif writing and (writing[0].done() or held_up or not more):
                    await writing.popleft()
                else:
                    await asyncio.sleep(0)
                if not held_up:
                    more = self._advance_some(pile)
        finally:
            await asyncio.gather(*writing)  # also when we stop: a batch is stored, or not, as a whole
        self.stats.tick(self._clock.monotonic() - began)

    def _pile(self) -> _Pile:
        return _Pile([], self._orders.batch())

    def _advance(self, held: Held, now: datetime, books: Books) -> Advance | None:
        """One order's fault must not stop the others: it fails by itself, and says so."""
        order = held.order
        try:
            taken = self._shared.others(order)
            return advance(order, now, books, others_took=taken, schedule=held.schedule)
        except Exception:  # noqa: BLE001 - whatever it is, the other orders go on
            self._log.exception("order_failed", order_id=order.id)
            return Advance(moved(order, OrderStatus.FAILED, now, "an internal error; see the log"), ())

    async def _record(self, pile: _Pile) -> None:
        moves = pile.moves
        outcomes: Sequence[Recorded] = [Recorded.FAILED] * len(moves)
        try:
            outcomes = await pile.batch.store()
        except StorageError as error:
            self._trouble(error)
        except Exception:  # noqa: BLE001 - a fault of the storage must not end all orders
            self._log.exception("recording_failed", orders=len(moves))
        else:
            self.stats.storage_works()
        lost: list[Held] = []
        for begin in range(0, len(moves), SETTLED_AT_ONCE):
            part = slice(begin, begin + SETTLED_AT_ONCE)
            lost += self._settle(moves[part], outcomes[part])
            await asyncio.sleep(0)
        for held in lost:
            await self._reload(held)

    def _settle(self, moves: Sequence[_Move], outcomes: Sequence[Recorded]) -> list[Held]:
        """What becomes of the orders; gives those that somebody else has changed."""
        now, began = self._clock.now(), self._clock.monotonic()
        lost: list[Held] = []
        for move, outcome in zip(moves, outcomes, strict=True):
            if outcome is Recorded.STORED:
                self._stored(move, now)
            elif outcome is Recorded.FAILED:
                self.stats.failed()
                self._shared.put(move.held.order)
                self._schedule(move.held, now, now + RETRY)
            elif outcome is Recorded.TAKEN:
                self.stats.lost()
                self._claims.drop(move.held)
            else:
                self.stats.lost()
                lost.append(move.held)
        self.stats.busy(self._clock.monotonic() - began)
        return lost

    def _stored(self, move: _Move, now: datetime) -> None:
        held = move.held
        held.order = move.advance.order
        self.stats.stored(move.advance)
        self._bus.publish(OrderChanged(held.order, move.advance.executions))
        self._schedule(held, now)

    async def _reload(self, held: Held) -> None:
        """Go on from what is stored: somebody changed the order (pause, cancel), or the database stored a
        step and failed before it said so."""
        now, known = self._clock.now(), held.order.progress
        try:
            stored = await self._orders.get(held.order.id)
            if stored is None or stored.progress.revision == known.revision:
                self._claims.drop(held)  # what it would store is there already
                return
            await self._publish_missed(known, stored)
        except StorageError as error:
            self._trouble(error)
            self._schedule(held, now, now + RETRY)
            return
        held.order = stored
        self._shared.put(stored)
        self._schedule(held, now)

    async def _publish_missed(self, known: Progress, stored: Order) -> None:
        """A step of our own that was stored unheard: nobody else starts an order or ends slices of it."""
        progress = stored.progress
        if (progress.started_at, progress.slices_done) != (known.started_at, known.slices_done):
            executions = await self._orders.executions(stored.id, known.slices_done)
            self._bus.publish(OrderChanged(stored, tuple(executions)))

    def _trouble(self, error: StorageError) -> None:
        if self.stats.storage_fails(str(error)):
            self._log.error("storage_unavailable", reason=str(error), waiting_orders=len(self._claims))

    # -- waiting

    async def _pause(self) -> None:
        """Until the next slice is due, somebody wakes us, or it is time to claim again."""
        wait = self._claims.due_in()
        due = self._agenda.next_time
        if due is not None:
            wait = min(wait, max((due - self._clock.now()).total_seconds(), 0.0))
        if wait <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.ensure_future(self._clock.sleep(wait))
        waker = asyncio.ensure_future(self._claims.asked())
        try:
            await asyncio.wait((sleeper, waker), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waker.cancel()
