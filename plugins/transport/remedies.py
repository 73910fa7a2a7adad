"""Makes single books of one exchange true again, without touching the others."""

import asyncio
from collections.abc import Coroutine

import structlog

from twap.plugins.transport.backoff import Backoff
from twap.plugins.transport.snapshots import Snapshots
from twap.plugins.transport.subscription import Carrier, Subscription
from twap.plugins.transport.venue import Venue
from twap.ports.errors import TwapError
from twap.ports.events import Snapshot
from twap.ports.feed import Cause
from twap.ports.market import BookState

FAILURES_UNTIL_DOWN = 3


class Remedies:
    """At most one remedy per book at a time; it ends with the connection that it was begun on."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.snapshots = Snapshots(venue)

    def heal(self, subscription: Subscription, cause: Cause, reason: str) -> None:
        """Begin the remedy for this cause, unless there is one already."""
        subscription.doubt(cause)
        counters = self._venue.counters
        carrier = subscription.carrier
        if carrier is None or subscription.in_remedy or subscription.refused_at is not None:
            return  # a new connection begins with a new snapshot anyway; so does a remedy under way
        counters.resyncs += 1
        structlog.get_logger().info(
            "resync",
            exchange=self._venue.name,
            symbol=subscription.instrument.symbol,
            cause=cause.value,
            reason=reason,
        )
        delay = subscription.delay(cause, self._venue.clock.monotonic())
        if self._venue.rules.snapshot_by_rest:
            self._begin(subscription, carrier, delay)
        else:
            again = self._resubscribe(subscription, carrier, delay, f"{cause.value}: {reason}")
            subscription.remedy = self._start(subscription, again)

    def distrust(self, subscription: Subscription, reason: str) -> None:
        """The feed itself says that this book is no longer true."""
        subscription.interrupted(BookState.SYNCING, reason)
        self.heal(subscription, Cause.MALFORMED, reason)

    def seed(self, subscription: Subscription) -> None:
        """Fetch the first snapshot on this connection, once its deltas flow."""
        carrier = subscription.carrier
        if subscription.unseeded and carrier is not None and subscription.refused_at is None:
            subscription.unseeded = False
            if not subscription.in_remedy:
                self._begin(subscription, carrier, 0)

    def _begin(self, subscription: Subscription, carrier: Carrier, delay: float) -> None:
        subscription.remedy = self._start(subscription, self._refetch(subscription, carrier, delay))

    def _start(self, subscription: Subscription, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return self._venue.jobs.start(work, f"{self._venue.name}: resync {subscription.native}")

    async def _resubscribe(
        self, subscription: Subscription, carrier: Carrier, delay: float, reason: str
    ) -> None:
        await self._venue.clock.sleep(delay)
        subscription.remedy = None
        if subscription.carrier is carrier:
            carrier.resubscribe(subscription, reason)

    async def _refetch(self, subscription: Subscription, carrier: Carrier, delay: float) -> None:
        if delay:
            await self._venue.clock.sleep(delay)
        snapshot = await self._persist(subscription)
        while subscription.away:
            # The book kept no changes while it was told DOWN: let it begin, then take a newer snapshot.
            subscription.renew()
            snapshot = await self._persist(subscription)
        if subscription.carrier is not carrier:
            return
        subscription.remedy = None  # before the book sees it: it may ask for another one at once
        if not subscription.snapshot(snapshot):
            self.distrust(subscription, "the book could not take its snapshot")

    async def _persist(self, subscription: Subscription) -> Snapshot:
        """A snapshot, however long it takes. A book that needs one is told why it has to wait, and after some
        failures that it is DOWN; one that only runs low is true meanwhile."""
        backoff, failures = Backoff(self._venue.ids), 0
        while True:
            try:
                return await self.snapshots.fetch(subscription.native)
            except TwapError as error:
                failures += 1
                if not subscription.runs_low:
                    state = BookState.DOWN if failures >= FAILURES_UNTIL_DOWN else BookState.SYNCING
                    subscription.interrupted(state, f"no snapshot: {error}")
                await self.snapshots.rest(subscription.native, backoff)
