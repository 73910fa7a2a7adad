"""The port that an exchange plugin implements: a codec, not a client.

A plugin does no I/O. It describes HTTP requests and reads their bodies, says how to open a feed and what to
send on it, and turns every received frame into events. One shared feed engine does the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from twap.ports.events import FeedEvent, Snapshot
from twap.ports.market import Candle, Instrument
from twap.ports.transport import HttpRequest, Transport


@dataclass(frozen=True, slots=True)
class Checksum:
    """How an exchange sums up the best levels of a book. In two steps, as most levels stay as they were.

    depth    levels a side that count
    digest   of one level's wire text: (price, quantity) to what goes into the sum
    combine  digests of bids and of asks, best first, at most `depth` each, to the checksum
    """

    depth: int
    digest: Callable[[str, str], str]
    combine: Callable[[Sequence[str], Sequence[str]], int]

    def __call__(self, bids: Sequence[Sequence[str]], asks: Sequence[Sequence[str]]) -> int:
        """Of whole sides, best first: wire text (price, quantity)."""
        sides = ([self.digest(level[0], level[1]) for level in side[: self.depth]] for side in (bids, asks))
        return self.combine(*sides)


@dataclass(frozen=True, slots=True)
class BookRules:
    """How this exchange's books are kept true. The state machine is the same for all; these are its data.

    snapshot_by_rest  True: the first book comes by HTTP and deltas are spliced onto it; False: in the stream
    contiguous        each delta's `first` must be the book's sequence + 1, else there is a gap
    drops_old         deltas that end at or before the book's sequence are repetitions, not gaps
    seed_depth        levels a side of a snapshot at most: a side with that many may have more beyond, which
                      are unknown until they change (None: snapshots are whole, or the exchange itself keeps
                      its window true by explicit deletes)
    kept_depth        levels a side that the subscriber must cut the book to after each change
    refill_below      with a seed depth: fewer known levels a side than this ask for a new snapshot
    checksum          of the book that results from each change, where the exchange sends one
    """

    snapshot_by_rest: bool = False
    contiguous: bool = True
    drops_old: bool = False
    seed_depth: int | None = None
    kept_depth: int | None = None
    refill_below: int = 20
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the exchange allows; the feed engine stays inside.

    symbols_per_connection, symbols_per_frame  of subscriptions
    frames_per_second       client frames on one connection, pings included
    frames_together         (count, seconds): client frames on all connections together (None: no such bound)
    requests_per_connection (count, seconds): frames that subscribe or unsubscribe; a connection that has used
                            them up is replaced (None: no such bound)
    connects                (count, seconds): new connections
    rest                    (weight, seconds): HTTP requests by weight
    max_frame_bytes         larger frames reset the connection
    probe_seconds           silence after which `FeedCodec.probe` is sent
    keepalive_seconds       a probe is sent at least this often, silence or not (None: only after silence)
    max_life_seconds        a connection is replaced before it gets this old
    pongs_are_life          a protocol ping or pong is a sign of life too: for exchanges that send nothing
                            while nothing changes, and have no ping of their own
    handshake_seconds       wait for the transport to open, and for the first frame where one is promised
    """

    symbols_per_connection: int = 200
    symbols_per_frame: int = 50
    frames_per_second: float = 5
    frames_together: tuple[int, float] | None = None
    requests_per_connection: tuple[int, float] | None = None
    connects: tuple[int, float] = (300, 300)
    rest: tuple[int, float] = (600, 60)
    max_frame_bytes: int = 16 * 2**20
    probe_seconds: float = 2
    keepalive_seconds: float | None = None
    max_life_seconds: float = 23.5 * 3600
    pongs_are_life: bool = True
    handshake_seconds: float = 10


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where an exchange answers: scheme, host and port of each, without a path, no trailing slash."""

    rest: str
    ws: str


@dataclass(frozen=True, slots=True)
class OpenFeed:
    """How to connect a feed.

    path  appended to `Endpoints.ws`, begins with "/"
    url   the whole address instead, where the exchange names it in its handshake answer
    keepalive_seconds  for this connection, instead of the one in `Limits`
    """

    path: str = "/"
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keepalive_seconds: float | None = None


class FeedCodec(Protocol):
    """The state of one connection. Made anew for each; never shared."""

    def opened(self) -> Sequence[str]:
        """Frames to send as soon as the connection is open (may be none)."""
        ...

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        """Frames that subscribe to these native ids; at most `symbols_per_frame` are given at once."""
        ...

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        """Frames that end those subscriptions."""
        ...

    def probe(self) -> str | None:
        """The exchange's own ping frame, or None: a protocol ping is the sign of life."""
        ...

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        """Say what a frame means, in order. Raises CodecError, and nothing else, for bytes that break the
        protocol: the engine then connects anew. Damage that can be pinned to one symbol is a `Broken`."""
        ...


class Exchange(Protocol):
    """What one exchange is. Stateless; every method is pure and quick, and raises CodecError alone."""

    @property
    def name(self) -> str:
        """As users see it: `Binance`."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """The real addresses."""
        ...

    @property
    def rules(self) -> BookRules: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def taker_fee(self) -> Decimal:
        """Of the notional, as a ratio (0.001 is 10 bps): the public base tier."""
        ...

    @property
    def intervals(self) -> Mapping[str, timedelta]:
        """Candle intervals by canonical name (`1m`, `1h`, `1d`, `1w`, `1M`), shortest first. A month is
        given as 28 days: the least it can be."""
        ...

    @property
    def candles_per_request(self) -> int: ...

    @property
    def candle_history(self) -> int | None:
        """Candles back from now that the exchange keeps, where that is bounded (Kraken: 720)."""
        ...

    def instruments_request(self) -> HttpRequest: ...

    def instruments(self, body: bytes) -> Sequence[Instrument]:
        """The tradable spot instruments of the answer. An entry that can't be read is left out."""
        ...

    def candles_request(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> HttpRequest:
        """Candles with start <= open < end; never asked for more than `candles_per_request` of them."""
        ...

    def candles(self, body: bytes, instrument: Instrument, interval: str) -> Sequence[Candle]:
        """In any order; rows outside the asked range are allowed, the caller drops them."""
        ...

    def snapshot_request(self, symbol: str) -> HttpRequest:
        """Only called where `rules.snapshot_by_rest`."""
        ...

    def snapshot(self, body: bytes, symbol: str) -> Snapshot: ...

    def handshake_request(self) -> HttpRequest | None:
        """A request that must be answered before each connection (a token), or None."""
        ...

    def open_feed(self, handshake: bytes | None) -> OpenFeed: ...

    def codec(self) -> FeedCodec:
        """A new connection's codec."""
        ...

    def transport(self) -> Transport | None:
        """A transport of the plugin's own instead of the network's (a simulated market), or None."""
        ...
