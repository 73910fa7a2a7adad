"""Between the feed engine (which does the I/O) and the books (which the domain keeps true)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from twap.ports.events import Delta, Snapshot
from twap.ports.exchange import BookRules
from twap.ports.market import BookState, Candle, Instrument


@dataclass(slots=True)
class Pulse:
    """The sign of life of one connection, shared by all its books.

    seen_at  `Clock.monotonic()` of the last frame, pong or ping from the exchange
    """

    seen_at: float


class Cause(StrEnum):
    """Why a book must be made true again."""

    GAP = "gap"
    CHECKSUM = "checksum"
    CROSSED = "crossed"
    SHALLOW = "shallow"
    MALFORMED = "malformed"
    OLD_SNAPSHOT = "old_snapshot"


class Healer(Protocol):
    """What a book asks when it can't go on by itself. Returns at once; the cure arrives as a snapshot.

    For SHALLOW and OLD_SNAPSHOT a new snapshot is enough and deltas go on; for the others the feed first
    makes sure that deltas flow from before the snapshot (in-band exchanges: unsubscribe, subscribe).
    """

    def __call__(self, cause: Cause, reason: str) -> None: ...


class BookInput(Protocol):
    """One book's intake. No method blocks or raises."""

    def connected(self, pulse: Pulse) -> None:
        """A new connection carries this book from now on: what was known is thrown away."""
        ...

    def interrupted(self, state: BookState, reason: str) -> None:
        """The book is not fed: SYNCING while a remedy is under way, DOWN while the exchange is away."""
        ...

    def snapshot(self, event: Snapshot) -> None: ...

    def delta(self, event: Delta) -> None: ...


class BookSink(Protocol):
    """Where books are kept."""

    def open(self, instrument: Instrument, rules: BookRules, heal: Healer) -> BookInput: ...

    def close(self, exchange: str, symbol: str) -> None: ...


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """What `/exchanges/status` says of one exchange.

    state                  LIVE connected, SYNCING connecting, DOWN unreachable, STALE silent; an exchange
                           without any feed is LIVE once something of it was reached and DOWN after a failure
    reason                 why it is not LIVE, or None
    connections, feeds     open sockets; subscribed symbols
    last_message_age_ms    None: nothing was received yet
    messages_per_second    mean of the last 10 s
    malformed, ignored     frames that broke the protocol; that said nothing to us
    """

    exchange: str
    state: BookState
    reason: str | None
    connections: int
    feeds: int
    last_message_age_ms: int | None
    messages: int
    messages_per_second: float
    reconnects: int
    gaps: int
    resyncs: int
    checksum_failures: int
    malformed: int
    ignored: int


class MarketFeed(Protocol):
    """All exchanges as the rest of the program sees them. Names are as plugins spell them, symbols canonical.

    Raises UnknownExchange, UnknownSymbol, AmbiguousSymbol, ExchangeUnavailable, UpstreamError.
    """

    def exchanges(self) -> Sequence[str]:
        """The enabled ones, sorted."""
        ...

    def name_of(self, exchange: str) -> str:
        """The plugin's spelling of a name given in any case."""
        ...

    async def instruments(self, exchange: str) -> Mapping[str, Instrument]:
        """By canonical symbol. Cached; concurrent calls make one request."""
        ...

    async def instrument(self, exchange: str, symbol: str) -> Instrument: ...

    def intervals(self, exchange: str) -> Sequence[str]: ...

    async def candles(
        self, exchange: str, symbol: str, interval: str, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Ascending, start <= open < end, without repetitions. Raises UnknownInterval, InvalidField."""
        ...

    def acquire(self, instrument: Instrument) -> None:
        """Feed this book from now on. Counted: each call is undone by one `release`."""
        ...

    def release(self, instrument: Instrument) -> None:
        """The last release closes the stream some seconds later, if nobody came back."""
        ...

    def status(self) -> Sequence[FeedStatus]: ...
