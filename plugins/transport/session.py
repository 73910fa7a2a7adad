"""One open connection, from its first frame to its end."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence

import structlog

from twap.plugins.transport.audit import Audit
from twap.plugins.transport.ending import Ended, ending
from twap.plugins.transport.outbox import Outbox
from twap.plugins.transport.remedies import Remedies
from twap.plugins.transport.subscription import Subscription
from twap.plugins.transport.suspects import Suspects
from twap.plugins.transport.venue import Venue
from twap.ports.events import (
    Broken,
    Delta,
    FeedEvent,
    Ignored,
    Reconnect,
    Rejected,
    Snapshot,
    Subscribed,
)
from twap.ports.exchange import FeedCodec
from twap.ports.feed import Cause, Pulse
from twap.ports.market import BookState
from twap.ports.transport import Connection

TICK_SECONDS = 0.5


class Session:
    """Implements `Carrier`. Every connection gets a new one, with a new codec.

    subscriptions  of the link, by native id; shared with it, it grows and shrinks
    heard          something came from the exchange
    updates        snapshots and deltas that were delivered
    """

    def __init__(
        self,
        venue: Venue,
        remedies: Remedies,
        subscriptions: Mapping[str, Subscription],
        connection: Connection,
        codec: FeedCodec,
        keepalive_seconds: float | None = None,
    ) -> None:
        self._venue, self._remedies, self._subscriptions = venue, remedies, subscriptions
        self._connection, self._codec = connection, codec
        self.opened_at = venue.clock.monotonic()
        self.pulse = Pulse(self.opened_at)
        self.heard = False
        self.updates = 0
        self._probed_at = self.opened_at
        self._keepalive = keepalive_seconds or venue.limits.keepalive_seconds
        self._outbox = Outbox(venue.clock, venue.limits, self._asked, venue.frames)
        self._suspects = Suspects(self._ask_again, venue.timing.patience)
        # Connections that were opened together should not all be replaced together.
        self._max_life = venue.limits.max_life_seconds * (1 - 0.1 * venue.ids.uniform())

    async def run(self) -> Ended:
        """Until the connection ends; says why. It is not closed here."""
        for subscription in list(self._subscriptions.values()):
            self.subscribe(subscription)
        parts: list[Coroutine[None, None, None]] = [self._listen(), self._speak(), self._watch()]
        if self._venue.rules.snapshot_by_rest:
            parts.append(Audit(self._venue, self._remedies, self, self._subscriptions).run())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            failures = [error for task in done if (error := task.exception()) is not None]
            return ending(failures[0], self._venue.counters)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=self._venue.timing.closing)

    # -- what the link wants

    def subscribe(self, subscription: Subscription) -> None:
        subscription.connected(self)
        self._outbox.subscribe([subscription.native])

    def unsubscribe(self, subscription: Subscription) -> None:
        subscription.disconnected()
        self._outbox.unsubscribe(subscription.native)

    def resubscribe(self, subscription: Subscription, reason: str) -> None:
        """Its old changes are worth nothing from now on: a new snapshot comes in the stream."""
        subscription.interrupted(BookState.SYNCING, reason)
        subscription.asked_at = None
        self._outbox.resubscribe(subscription.native)

    def renew(self, subscription: Subscription) -> None:
        """Subscribe again and begin with a new snapshot by REST."""
        subscription.connected(self)
        self._outbox.resubscribe(subscription.native)

    def retry(self, subscription: Subscription) -> None:
        """Ask again for what was refused."""
        subscription.refused_at = None
        subscription.renew()
        self._outbox.resubscribe(subscription.native)

    def _ask_again(self, group: Sequence[Subscription]) -> None:
        for subscription in group:
            subscription.renew()
        self._outbox.subscribe(subscription.native for subscription in group)

    def _asked(self, symbols: Sequence[str]) -> None:
        now = self._venue.clock.monotonic()
        for subscription in self._named(symbols):
            if subscription.last is None or not self._venue.rules.snapshot_by_rest:
                subscription.asked_at = now

    # -- parts of its life

    async def _speak(self) -> None:
        await self._outbox.greet(self._connection, self._codec.opened())
        if self._venue.exchange.handshake_request() is not None:
            await self._welcome()
        await self._outbox.run(self._connection, self._codec)

    async def _welcome(self) -> None:
        """An exchange with a handshake speaks first; one that does not is spoken to all the same."""
        clock, until = self._venue.clock, self.opened_at + self._venue.limits.handshake_seconds
        while not self.heard and clock.monotonic() < until:
            await clock.sleep(0.02)

    async def _listen(self) -> None:
        """The way of every frame: as little as possible happens here."""
        receive, decode, monotonic = (
            self._connection.receive,
            self._codec.receive,
            self._venue.clock.monotonic,
        )
        subscriptions, counters, pulse = self._subscriptions, self._venue.counters, self.pulse
        by_rest = self._venue.rules.snapshot_by_rest
        pongs_are_life = self._venue.limits.pongs_are_life
        while True:
            frame = await receive()
            if frame is None and not pongs_are_life:
                continue
            pulse.seen_at = monotonic()
            self.heard = True
            if frame is None:
                continue
            counters.messages += 1
            for event in decode(frame):
                if type(event) is not Delta:
                    self._handle(event)
                    continue
                subscription = subscriptions.get(event.symbol)
                if subscription is None:
                    continue
                self.updates += 1
                subscription.last = event
                try:
                    subscription.book.delta(event)
                except Exception as error:  # noqa: BLE001 its neighbours go on
                    self._book_failed(subscription, error)
                if by_rest and subscription.unseeded:
                    self._remedies.seed(subscription)

    def _handle(self, event: FeedEvent) -> None:
        match event:
            case Snapshot():
                subscription = self._subscriptions.get(event.symbol)
                if subscription is not None:
                    self.updates += 1
                    if not subscription.snapshot(event):
                        self._remedies.distrust(subscription, "the book has a fault")
            case Subscribed():
                self._confirmed(event.symbols)
            case Rejected():
                self._refused(event)
            case Broken():
                self._venue.counters.malformed += 1
                for subscription in self._named([event.symbol]):
                    self._remedies.distrust(subscription, event.reason)
            case Reconnect():
                # Not announced: changes of some book on this connection were lost.
                self._venue.counters.gaps += not event.planned
                raise Ended(event.reason, planned=event.planned)
            case Ignored():
                self._venue.counters.ignored += 1

    def _named(self, symbols: Iterable[str]) -> list[Subscription]:
        return [self._subscriptions[symbol] for symbol in symbols if symbol in self._subscriptions]

    def _confirmed(self, symbols: Sequence[str]) -> None:
        for subscription in self._named(symbols):
            subscription.confirmed = True
            if self._venue.rules.snapshot_by_rest:
                self._remedies.seed(subscription)
        self._suspects.go_on(self._venue.clock.monotonic())

    def _refused(self, event: Rejected) -> None:
        """Where no symbol is named, all that wait for their confirmation are meant. Only a refusal of one
        alone is taken at its word: exchanges refuse a whole request for one bad name in it."""
        waiting = [
            subscription.native
            for subscription in self._subscriptions.values()
            if subscription.asked_at is not None and not subscription.confirmed and subscription.last is None
        ]
        refused = self._named(event.symbols or waiting)
        alone, now = len(refused) == 1, self._venue.clock.monotonic()
        for subscription in refused:
            subscription.drop_remedy()
            subscription.refused_at = now if alone else None
            subscription.asked_at = None
            state = BookState.DOWN if alone else BookState.SYNCING
            subscription.interrupted(state, f"refused{'' if alone else ' among others'}: {event.reason}")
            structlog.get_logger().warning(
                "rejected",
                exchange=self._venue.name,
                symbol=subscription.instrument.symbol,
                reason=event.reason,
            )
        if not alone:
            self._suspects.add(refused)
        self._suspects.go_on(now)

    def _book_failed(self, subscription: Subscription, error: Exception) -> None:
        if not subscription.in_remedy:
            subscription.fault(error)
            self._remedies.distrust(subscription, "the book has a fault")

    # -- signs of life

    async def _watch(self) -> None:
        timing, limits, clock = self._venue.timing, self._venue.limits, self._venue.clock
        while True:
            await clock.sleep(TICK_SECONDS)
            now = clock.monotonic()
            silence = now - self.pulse.seen_at
            if silence >= timing.silence:
                raise Ended(f"silent for {timing.silence:g} s")
            if now - self.opened_at >= self._max_life:
                raise Ended("replaced before the exchange ends it", planned=True)
            since_probe = now - self._probed_at
            idle = silence >= limits.probe_seconds and since_probe >= limits.probe_seconds
            due = self._keepalive is not None and since_probe >= self._keepalive - TICK_SECONDS
            if idle or due:
                self._probed_at = now
                self._outbox.probe()
            self._look_after(now)

    def _look_after(self, now: float) -> None:
        """Subscriptions that were refused, or that nothing came of."""
        timing = self._venue.timing
        self._suspects.go_on(now)
        for subscription in self._subscriptions.values():
            if subscription.refused_at is not None:
                if now - subscription.refused_at >= timing.rejected:
                    self.retry(subscription)
            elif subscription.asked_at is not None and now - subscription.asked_at >= timing.patience:
                subscription.asked_at = None
                if self._venue.rules.snapshot_by_rest:
                    if not subscription.confirmed:  # a book that no changes follow may be shown for long
                        self._outbox.resubscribe(subscription.native)
                    self._remedies.seed(subscription)
                else:
                    self._remedies.heal(
                        subscription, Cause.MALFORMED, f"no snapshot came within {timing.patience:g} s"
                    )
