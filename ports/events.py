"""What a codec reports of the frames it was given.

Levels travel as the exchange's own text, `(price, quantity)` or longer sequences that begin so: exact by
construction, cheap to make, and what checksums are computed over. A quantity of zero removes the level.
Symbols are the exchange's own ids (`Instrument.native`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

WireLevels = Sequence[Sequence[str]]
WireTime = int | str | None
"""Milliseconds since 1970, ISO 8601 text, or None where the exchange says nothing. Read lazily."""


@dataclass(slots=True)
class Snapshot:
    """The whole book, or its best part: replaces what was known.

    sequence  the exchange's number of the last change it contains
    checksum  the exchange's checksum of the book that results, where it has one
    """

    symbol: str
    bids: WireLevels
    asks: WireLevels
    sequence: int
    exchange_time: WireTime = None
    checksum: int | None = None


@dataclass(slots=True)
class Delta:
    """Changes of a book: absolute quantities.

    first, last  the first and last change it contains. Contiguous exchanges promise `first` = previous
                 `last` + 1; one that chains (`prevSeqId`) reports first = previous + 1. `last` is what the
                 book's sequence becomes.
    """

    symbol: str
    first: int
    last: int
    bids: WireLevels
    asks: WireLevels
    exchange_time: WireTime = None
    checksum: int | None = None


@dataclass(slots=True)
class Subscribed:
    """The exchange confirmed these symbols."""

    symbols: Sequence[str]


@dataclass(slots=True)
class Rejected:
    """The exchange refused these symbols (all that are pending, where it names none)."""

    symbols: Sequence[str]
    reason: str


@dataclass(slots=True)
class Alive:
    """A heartbeat, pong or welcome: the feed lives, no book changed."""


@dataclass(slots=True)
class Broken:
    """This book can't be trusted any more: resynchronise it."""

    symbol: str
    reason: str


@dataclass(slots=True)
class Reconnect:
    """Every book of this connection is in doubt (or it is about to end): connect anew.

    planned  True: announced by the exchange, not a fault
    """

    reason: str
    planned: bool = False


@dataclass(slots=True)
class Ignored:
    """A well-formed frame that says nothing to us; counted."""

    what: str


FeedEvent = Snapshot | Delta | Subscribed | Rejected | Alive | Broken | Reconnect | Ignored
