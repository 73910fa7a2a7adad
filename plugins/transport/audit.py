"""A stream can die while its connection still answers pings: quiet ones are compared with a REST snapshot."""

from collections.abc import Mapping
from itertools import count
from typing import Protocol

from twap.plugins.transport.ending import Ended
from twap.plugins.transport.remedies import Remedies
from twap.plugins.transport.subscription import Subscription
from twap.plugins.transport.venue import Venue
from twap.ports.errors import TwapError

GRACE_SECONDS = 2.0
"""A change that a snapshot already holds may still be on its way in the stream."""


class Stream(Protocol):
    updates: int


class Audit:
    """For one connection to an exchange whose snapshots come by REST."""

    def __init__(
        self, venue: Venue, remedies: Remedies, stream: Stream, subscriptions: Mapping[str, Subscription]
    ) -> None:
        self._venue, self._remedies = venue, remedies
        self._stream, self._subscriptions = stream, subscriptions

    async def run(self) -> None:
        """Raises Ended when changes were lost. Symbols are looked at in turn."""
        clock, seconds = self._venue.clock, self._venue.timing.audit
        seen = self._stream.updates
        for turn in count():
            await clock.sleep(seconds)
            quiet, seen = self._stream.updates == seen, self._stream.updates
            if quiet and (subscription := self._pick(turn)) is not None and await self._behind(subscription):
                raise Ended(f"the stream is dead: changes of {subscription.native} were lost")

    def _pick(self, turn: int) -> Subscription | None:
        candidates = [s for s in self._subscriptions.values() if s.last is not None and not s.in_remedy]
        return candidates[turn % len(candidates)] if candidates else None

    async def _behind(self, subscription: Subscription) -> bool:
        try:
            snapshot = await self._remedies.snapshot(subscription.native)
        except TwapError:
            return False  # no comparison, no verdict: REST may be away while the stream is well
        if (subscription.sequence or 0) >= snapshot.sequence:
            return False
        updates = self._stream.updates
        await self._venue.clock.sleep(GRACE_SECONDS)
        return self._stream.updates == updates and (subscription.sequence or 0) < snapshot.sequence
