"""One exchange with all that its feeds share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from twap.plugins.transport.counters import Counters
from twap.plugins.transport.limiter import Limiter
from twap.plugins.transport.rest import RestClient
from twap.plugins.transport.waiting import Jobs
from twap.ports.clock import Clock
from twap.ports.errors import TwapError, UpstreamError
from twap.ports.exchange import BookRules, Endpoints, Exchange, Limits
from twap.ports.ids import Ids
from twap.ports.transport import Transport


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds.

    linger    a book that nobody uses any more is fed this much longer
    silence   a connection without any sign of life for so long is dead
    audit     a connection with REST snapshots and no change for so long is compared with a new snapshot
    patience  a subscription without its first snapshot for so long is made anew
    rejected  a refused subscription is tried again
    healthy   a connection that lived so long has earned a fresh backoff
    closing   bound on `FeedEngine.close`
    """

    linger: float = 5
    silence: float = 10
    audit: float = 15
    patience: float = 15
    rejected: float = 60
    healthy: float = 30
    closing: float = 3


@dataclass(frozen=True, slots=True)
class Venue:
    """name, rules, limits: the exchange's own, read once.

    connects  paces new connections
    frames    paces the frames of all connections together; None where the exchange sets no such bound
    """

    exchange: Exchange
    name: str
    rules: BookRules
    limits: Limits
    endpoints: Endpoints
    transport: Transport
    clock: Clock
    ids: Ids
    timing: Timing
    rest: RestClient
    connects: Limiter
    frames: Limiter | None = None
    counters: Counters = field(default_factory=Counters)
    jobs: Jobs = field(default_factory=Jobs)


@contextmanager
def reading(exchange: str) -> Iterator[None]:
    """Around a plugin's reading of an answer: whatever it raises becomes an UpstreamError."""
    try:
        yield
    except UpstreamError:
        raise
    except TwapError as error:
        raise UpstreamError(exchange, str(error)) from error
    except Exception as error:  # a third party's code
        raise UpstreamError(exchange, f"a fault in its plugin: {type(error).__name__}: {error}") from error
