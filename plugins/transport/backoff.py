"""How long to wait before the next try."""

from twap.ports.ids import Ids

FIRST_SECONDS = 0.25
MOST_SECONDS = 8.0
"""Running orders miss a slice for every second that an exchange is back and nobody has noticed; so many tries
are within each exchange's limit of connections."""
MOST_REMEDY_SECONDS = 30.0


class Backoff:
    """Exponential with full jitter: a random share of a bound that doubles with each failure.

    Full jitter spreads clients that all lost the same server best (AWS Architecture Blog, 2015,
    "Exponential Backoff And Jitter").
    """

    def __init__(
        self, ids: Ids, first_seconds: float = FIRST_SECONDS, most_seconds: float = MOST_SECONDS
    ) -> None:
        self._ids = ids
        self._first, self._most = first_seconds, most_seconds
        self._bound = first_seconds

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        bound, self._bound = self._bound, min(self._bound * 2, self._most)
        return bound * self._ids.uniform()

    def reset(self) -> None:
        self._bound = self._first

    def ease(self, most_seconds: float) -> None:
        """Wait no longer than this next time: it half worked."""
        self._bound = min(self._bound, most_seconds)


class Repetition:
    """Keeps remedies for one book apart, so that a book that can't be cured never spins.

    The first is given after `at_first`; of those that follow, each at least 0.25 s and more, doubling, after
    the one before. A remedy that made the book well for some seconds begins this anew.
    """

    WELL_SECONDS = 6.0

    def __init__(self, at_first: float, most_seconds: float = MOST_REMEDY_SECONDS) -> None:
        self._at_first, self._most = at_first, most_seconds
        self._times = 0
        self._given_at = 0.0
        self._worked = False

    def worked(self) -> None:
        """The book was given a snapshot: how long it stays well from now on counts."""
        self._worked = True

    def delay(self, now: float) -> float:
        """Seconds until the next remedy. now: monotonic seconds."""
        since = max(0.0, now - self._given_at)
        if self._worked and since > self.WELL_SECONDS:
            self._times = 0
        apart = min(FIRST_SECONDS * 2.0 ** min(self._times - 1, 20), self._most) if self._times else 0.0
        wait = max(self._at_first, apart - since)
        self._times += 1
        self._given_at, self._worked = now + wait, False
        return wait
