"""What client and simulated market say to each other, JSON throughout.

    subscribe    → subscribed (or rejected), one snapshot per symbol, then deltas
    unsubscribe  → unsubscribed
    ping         → heartbeat, which also comes once a second

Prices and quantities are text; a quantity of zero removes the level. `time` is in milliseconds since 1970.
"""

from typing import Annotated

import msgspec

Step = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
WireLevels = list[tuple[str, str]]

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises for bytes that are no JSON, no UTF-8, of the wrong shape or nested too deep."""


class Request(msgspec.Struct):
    """action: subscribe, unsubscribe or ping."""

    action: str
    symbols: list[str] = []


class BookSnapshot(msgspec.Struct, tag_field="type", tag="snapshot"):
    """The whole book at a step."""

    symbol: str
    step: Step
    time: int
    bids: WireLevels
    asks: WireLevels


class BookDelta(msgspec.Struct, tag_field="type", tag="delta"):
    """The levels that the steps first to last changed."""

    symbol: str
    first: Step
    last: Step
    time: int
    bids: WireLevels
    asks: WireLevels


class SubscribedTo(msgspec.Struct, tag_field="type", tag="subscribed"):
    symbols: list[str]


class UnsubscribedFrom(msgspec.Struct, tag_field="type", tag="unsubscribed"):
    symbols: list[str]


class RejectedSymbols(msgspec.Struct, tag_field="type", tag="rejected"):
    symbols: list[str]
    reason: str


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat"):
    """Nothing but a sign of life."""


Message = BookSnapshot | BookDelta | SubscribedTo | UnsubscribedFrom | RejectedSymbols | Heartbeat


class Pair(msgspec.Struct):
    """An entry of the answer to GET /instruments."""

    symbol: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    min_notional: str


class CandleRow(msgspec.Struct, array_like=True):
    """An entry of the answer to GET /candles. time: of its beginning."""

    time: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    closed: bool


class Refusal(msgspec.Struct):
    """The body of an answer with status 400 or 404."""

    error: str
