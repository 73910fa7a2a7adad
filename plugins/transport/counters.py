"""What is counted of one exchange. On the way of a frame nothing happens but an addition."""

from collections import deque
from dataclasses import dataclass, field

from twap.ports.feed import Cause

RATE_SECONDS = 10.0


@dataclass(slots=True)
class Counters:
    """Since the start. Names as in twap.ports.feed.FeedStatus.

    book_faults  exceptions that came out of a book; each is contained, and the book made true again
    heard_at     monotonic seconds of the last sign of life of connections that are gone
    """

    messages: int = 0
    reconnects: int = 0
    gaps: int = 0
    resyncs: int = 0
    checksum_failures: int = 0
    malformed: int = 0
    ignored: int = 0
    book_faults: int = 0
    heard_at: float = 0.0
    _samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=64))

    def found(self, cause: Cause) -> None:
        """A book found out that something is wrong with it."""
        match cause:
            case Cause.GAP:
                self.gaps += 1
            case Cause.CHECKSUM:
                self.checksum_failures += 1
            case Cause.MALFORMED:
                self.malformed += 1

    def sample(self, now: float) -> None:
        """Called about once a second; older samples than the rate's window are dropped."""
        self._samples.append((now, self.messages))
        while len(self._samples) > 1 and self._samples[1][0] <= now - RATE_SECONDS:
            self._samples.popleft()

    def messages_per_second(self, now: float) -> float:
        """Mean of the last 10 s, or of what there is."""
        if not self._samples:
            self.sample(now)
        since, messages = self._samples[0]
        return (self.messages - messages) / (now - since) if now > since else 0.0
