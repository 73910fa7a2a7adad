"""Subscriptions that were refused together: one bad name among them may have cost the others their place."""

from collections import deque
from collections.abc import Callable, Sequence

from twap.plugins.transport.subscription import Subscription


class Suspects:
    """Asks for them again in halves, until what is refused stands alone. One group at a time, since a refusal
    need not say whom it means.

    ask       subscribes to a group, in one request
    patience  seconds to wait for the answer to a group
    """

    def __init__(self, ask: Callable[[Sequence[Subscription]], None], patience: float) -> None:
        self._ask, self._patience = ask, patience
        self._groups: deque[list[Subscription]] = deque()
        self._asked: list[Subscription] = []
        self._until = 0.0

    def add(self, refused: list[Subscription]) -> None:
        middle = len(refused) // 2
        self._groups += (refused[:middle], refused[middle:])
        self._asked = [subscription for subscription in self._asked if subscription not in refused]

    def go_on(self, now: float) -> None:
        """Ask for the next group, unless the one before still waits for its answer. now: monotonic."""
        if now < self._until and any(map(_unanswered, self._asked)):
            return
        self._asked = []
        while self._groups and not self._asked:
            self._asked = list(filter(_unanswered, self._groups.popleft()))
        if self._asked:
            self._until = now + self._patience
            self._ask(self._asked)


def _unanswered(subscription: Subscription) -> bool:
    return (
        subscription.carrier is not None
        and subscription.refused_at is None
        and not subscription.confirmed
        and subscription.last is None
    )
