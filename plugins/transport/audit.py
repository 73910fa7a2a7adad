"""A stream can die while its connection still answers pings, and one book's changes can stay away while its
neighbours' come: what is quiet is compared with a REST snapshot."""

from collections.abc import Mapping
from itertools import count
from typing import Protocol

import structlog

from twap.plugins.transport.ending import Ended
from twap.plugins.transport.remedies import Remedies
from twap.plugins.transport.subscription import Subscription
from twap.plugins.transport.venue import Venue
from twap.ports.errors import TwapError

GRACE_SECONDS = 2.0
"""A change that a snapshot already holds may still be on its way in the stream."""


class Stream(Protocol):
    updates: int

    def renew(self, subscription: Subscription) -> None: ...


class Audit:
    """For one connection to an exchange whose snapshots come by REST."""

    def __init__(
        self, venue: Venue, remedies: Remedies, stream: Stream, subscriptions: Mapping[str, Subscription]
    ) -> None:
        self._venue, self._remedies = venue, remedies
        self._stream, self._subscriptions = stream, subscriptions

    async def run(self) -> None:
        """Raises Ended when a stream without any change has lost some. Where others' changes came, the book
        that lost its own is subscribed to anew. One quiet book is looked at each time, in turn."""
        clock, seconds = self._venue.clock, self._venue.timing.audit
        seen, sequences = self._stream.updates, self._sequences()
        for turn in count():
            await clock.sleep(seconds)
            all_quiet, seen = self._stream.updates == seen, self._stream.updates
            before, sequences = sequences, self._sequences()
            quiet = [name for name, last in sequences.items() if all_quiet or before.get(name) == last]
            if quiet:
                await self._look_at(self._subscriptions[quiet[turn % len(quiet)]])

    def _sequences(self) -> dict[str, int]:
        """How far each book has come that is neither waiting nor being cured."""
        found = {name: book.sequence for name, book in self._subscriptions.items() if not book.in_remedy}
        return {name: sequence for name, sequence in found.items() if sequence is not None}

    async def _look_at(self, subscription: Subscription) -> None:
        """Raises Ended."""
        try:
            snapshot = await self._remedies.snapshots.fetch(subscription.native)
        except TwapError:
            return  # no comparison, no verdict: REST may be away while the stream is well
        sequence, updates = subscription.sequence, self._stream.updates
        if sequence is None or sequence >= snapshot.sequence:
            return
        await self._venue.clock.sleep(GRACE_SECONDS)
        released = self._subscriptions.get(subscription.native) is not subscription
        if released or subscription.sequence != sequence:
            return
        lost = f"changes of {subscription.native} were lost"
        if self._stream.updates == updates:
            raise Ended(f"the stream is dead: {lost}")
        structlog.get_logger().warning("subscribed again", exchange=self._venue.name, reason=lost)
        self._stream.renew(subscription)
