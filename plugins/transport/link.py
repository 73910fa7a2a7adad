"""A connection that comes back: one socket's worth of subscriptions, session after session."""

import structlog

from twap.plugins.transport.backoff import Backoff
from twap.plugins.transport.ending import Ended, ending
from twap.plugins.transport.remedies import Remedies
from twap.plugins.transport.rest import pause_asked_for
from twap.plugins.transport.session import Session
from twap.plugins.transport.subscription import Subscription
from twap.plugins.transport.venue import Venue, reading
from twap.plugins.transport.waiting import within
from twap.ports.exchange import FeedCodec, OpenFeed
from twap.ports.market import BookState
from twap.ports.transport import Connection, UpgradeRefused

SHORT_LIFE_SECONDS = 5.0
"""A planned replacement of a younger connection waits like a fault: announcements must not make it spin."""

USEFUL_BACKOFF_SECONDS = 2.0
"""Bound on the wait after a connection that fed books, however short it lived."""


class Link:
    """state, reason  of the connection, as in twap.ports.feed.FeedStatus
    session           the open one, or None
    """

    def __init__(self, venue: Venue, remedies: Remedies) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.state, self.reason = BookState.SYNCING, "connecting"
        self.session: Session | None = None
        self._venue, self._remedies = venue, remedies
        self._backoff = Backoff(venue.ids)
        self._asked_to_wait = 0.0
        self._task = venue.jobs.start(self._run(), f"{venue.name}: feed")

    @property
    def full(self) -> bool:
        return len(self.subscriptions) >= self._venue.limits.symbols_per_connection

    def attach(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.native] = subscription
        if self.session is not None:
            self.session.subscribe(subscription)
        elif self.state is BookState.DOWN:
            subscription.interrupted(self.state, self.reason)

    def detach(self, subscription: Subscription) -> None:
        del self.subscriptions[subscription.native]
        if self.session is not None:
            self.session.unsubscribe(subscription)

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        first = True
        while True:
            ended, lived_seconds = await self._live(first)
            first = first and lived_seconds is None
            if not (ended.planned and lived_seconds is not None and lived_seconds >= SHORT_LIFE_SECONDS):
                await self._venue.clock.sleep(max(self._backoff.next(), self._asked_to_wait))

    async def _live(self, first: bool) -> tuple[Ended, float | None]:
        """One try, from connecting to the end. Seconds that it was open, None where it never was."""
        venue, self._asked_to_wait = self._venue, 0.0
        try:
            codec = venue.exchange.codec()
            connection, feed = await self._connect()
        except Exception as error:  # noqa: BLE001 a third party's code, too
            ended = ending(error, venue.counters)
            if isinstance(error, UpgradeRefused):
                self._asked_to_wait = pause_asked_for(error.headers, venue.clock.now()) or 0.0
            self._lost(BookState.DOWN, ended.reason)
            return ended, None
        try:
            venue.counters.reconnects += not first
            return await self._carry(connection, codec, feed)
        finally:
            venue.jobs.start(self._hang_up(connection), f"{venue.name}: close")

    async def _carry(self, connection: Connection, codec: FeedCodec, feed: OpenFeed) -> tuple[Ended, float]:
        venue = self._venue
        session = Session(
            venue, self._remedies, self.subscriptions, connection, codec, feed.keepalive_seconds
        )
        structlog.get_logger().info("connected", exchange=venue.name, symbols=len(self.subscriptions))
        self.session = session
        self.state, self.reason = BookState.LIVE, ""
        ended = None
        try:
            ended = await session.run()
        finally:
            self.session = None
            venue.counters.heard_at = max(venue.counters.heard_at, session.pulse.seen_at)
            for subscription in self.subscriptions.values():
                subscription.disconnected()
        lived_seconds = venue.clock.monotonic() - session.opened_at
        if lived_seconds >= venue.timing.healthy:
            self._backoff.reset()
        elif session.updates:
            self._backoff.ease(USEFUL_BACKOFF_SECONDS)
        self._lost(BookState.SYNCING if session.heard else BookState.DOWN, ended.reason)
        return ended, lived_seconds

    async def _connect(self) -> tuple[Connection, OpenFeed]:
        venue, exchange = self._venue, self._venue.exchange
        await venue.connects.take()
        answer = None
        with reading(venue.name):
            request = exchange.handshake_request()
        if request is not None:
            answer = await venue.rest.fetch(request)
        with reading(venue.name):
            feed = exchange.open_feed(answer)
        url = feed.url or venue.endpoints.ws + feed.path
        limits = venue.limits
        connection = await venue.transport.connect(
            url, feed.headers, limits.max_frame_bytes, limits.handshake_seconds
        )
        return connection, feed

    def _lost(self, state: BookState, reason: str) -> None:
        structlog.get_logger().warning("disconnected", exchange=self._venue.name, reason=reason)
        self.state, self.reason = state, reason
        for subscription in self.subscriptions.values():
            subscription.interrupted(state, reason)

    async def _hang_up(self, connection: Connection) -> None:
        try:
            await within(self._venue.clock, self._venue.timing.closing, connection.close())
        except TimeoutError:
            structlog.get_logger().warning("a connection would not close", exchange=self._venue.name)
