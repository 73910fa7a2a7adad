"""All feeds of one exchange: which book is carried by which connection, and for how many users."""

import asyncio
from functools import partial

import structlog

from twap.plugins.transport.link import Link
from twap.plugins.transport.remedies import Remedies
from twap.plugins.transport.subscription import Subscription
from twap.plugins.transport.venue import Venue
from twap.ports.feed import BookSink, Cause, FeedStatus
from twap.ports.market import BookState, Instrument

SILENT_SECONDS = 5.0
"""A connection is shown as stale after this much silence."""


class ExchangeFeed:
    """Books by the exchange's own ids."""

    def __init__(self, venue: Venue, sink: BookSink) -> None:
        self._venue, self._sink = venue, sink
        self._remedies = Remedies(venue)
        self._subscriptions: dict[str, Subscription] = {}
        self._lingering: dict[str, asyncio.Task[None]] = {}
        self._links: list[Link] = []

    def acquire(self, instrument: Instrument) -> None:
        subscription = self._subscriptions.get(instrument.native)
        if subscription is None:
            self._open(instrument)
            return
        subscription.users += 1
        if (lingering := self._lingering.pop(instrument.native, None)) is not None:
            lingering.cancel()
        link = self._link_of(subscription)
        if subscription.refused_at is not None and link.session is not None:
            link.session.retry(subscription)

    def release(self, instrument: Instrument) -> None:
        subscription = self._subscriptions.get(instrument.native)
        if subscription is None or subscription.users == 0:
            structlog.get_logger().error(
                "released more often than acquired", exchange=self._venue.name, symbol=instrument.symbol
            )
            return
        subscription.users -= 1
        if subscription.users == 0:
            self._lingering[instrument.native] = self._venue.jobs.start(
                self._linger(subscription), f"{self._venue.name}: linger {instrument.native}"
            )

    def _open(self, instrument: Instrument) -> None:
        subscription = Subscription(instrument, self._venue.counters)
        heal = partial(self._heal, subscription)
        subscription.book = self._sink.open(instrument, self._venue.rules, heal)
        self._subscriptions[instrument.native] = subscription
        link = next((link for link in self._links if not link.full), None)
        if link is None:
            link = Link(self._venue, self._remedies)
            self._links.append(link)
        link.attach(subscription)

    def _heal(self, subscription: Subscription, cause: Cause, reason: str) -> None:
        """What a book asks for (twap.ports.feed.Healer)."""
        self._venue.counters.found(cause)
        self._remedies.heal(subscription, cause, reason)

    async def _linger(self, subscription: Subscription) -> None:
        await self._venue.clock.sleep(self._venue.timing.linger)
        instrument = subscription.instrument
        del self._lingering[subscription.native]
        del self._subscriptions[subscription.native]
        link = self._link_of(subscription)
        link.detach(subscription)
        if not link.subscriptions:
            self._links.remove(link)
            link.close()
        self._sink.close(instrument.exchange, instrument.symbol)

    def _link_of(self, subscription: Subscription) -> Link:
        return next(link for link in self._links if subscription.native in link.subscriptions)

    # -- status

    def status(self) -> FeedStatus:
        venue, counters = self._venue, self._venue.counters
        now = venue.clock.monotonic()
        state, reason = self._state(now)
        heard = [link.session.pulse.seen_at for link in self._links if link.session and link.session.heard]
        heard_at = max([counters.heard_at, *heard])
        return FeedStatus(
            exchange=venue.name,
            state=state,
            reason=reason,
            connections=sum(link.session is not None for link in self._links),
            feeds=len(self._subscriptions),
            last_message_age_ms=round(max(0.0, now - heard_at) * 1000) if counters.messages else None,
            messages=counters.messages,
            messages_per_second=counters.messages_per_second(now),
            reconnects=counters.reconnects,
            gaps=counters.gaps,
            resyncs=counters.resyncs,
            checksum_failures=counters.checksum_failures,
            malformed=counters.malformed,
            ignored=counters.ignored,
        )

    def _state(self, now: float) -> tuple[BookState, str | None]:
        """DOWN where all connections are down; LIVE where all are live."""
        if not self._links:
            return self._state_by_rest()
        away = [link for link in self._links if link.session is None]
        if away:
            down = all(link.state is BookState.DOWN for link in self._links)
            many = f"{len(away)} of {len(self._links)} connections: " if len(self._links) > 1 else ""
            return BookState.DOWN if down else BookState.SYNCING, many + away[0].reason
        silent = max(now - link.session.pulse.seen_at for link in self._links if link.session)
        if silent >= SILENT_SECONDS:
            return BookState.STALE, f"silent for {silent:.0f} s"
        return BookState.LIVE, None

    def _state_by_rest(self) -> tuple[BookState, str | None]:
        rest = self._venue.rest
        if rest.reached is None:
            return BookState.SYNCING, "nothing was asked of it yet"
        return (BookState.LIVE, None) if rest.reached else (BookState.DOWN, rest.reason)
