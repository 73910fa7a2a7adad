"""What a recording tells of an instrument: by its list of instruments, or else by the digits of its book."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from twap.entrypoints.backtest.replay import Recording, names_instrument
from twap.entrypoints.recording.files import Kind
from twap.ports.errors import AmbiguousSymbol, CodecError, TwapError
from twap.ports.events import Delta, Snapshot, WireLevels
from twap.ports.exchange import Exchange, FeedCodec
from twap.ports.market import Instrument, canonical_symbol
from twap.ports.numbers import canonical

_ENOUGH_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Sizes:
    """Given by the user, instead of what the recording says; None: not given."""

    tick: Decimal | None = None
    lot: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """note: what the user should know of where the sizes come from, or None."""

    instrument: Instrument
    note: str | None


def find_instrument(recording: Recording, exchange: Exchange, symbol: str, given: Sizes) -> Found:
    """The instrument with this canonical symbol. Raises AmbiguousSymbol, and TwapError where the recording
    says nothing of it."""
    listed = _listed(recording, exchange, symbol)
    if listed is not None:
        return Found(_with(listed, given), None)
    native, levels = _first_levels(recording, exchange, symbol)
    instrument = Instrument(
        exchange.name,
        symbol,
        native,
        symbol,
        "",
        tick_size=given.tick or _step(price for price, _ in levels),
        lot_size=given.lot or _step(quantity for _, quantity in levels),
    )
    ways = ["given" if size else "read from the digits of its book" for size in (given.tick, given.lot)]
    note = (
        f"{exchange.name}: the recording lists no {symbol} that the plugin can read: tick"
        f" {instrument.tick_size:f} ({ways[0]}), lot {instrument.lot_size:f} ({ways[1]}), no minimum known"
    )
    return Found(instrument, note)


def _listed(recording: Recording, exchange: Exchange, symbol: str) -> Instrument | None:
    """The newest entry of the recorded lists."""
    found: Mapping[str, Instrument] = {}
    for line in recording.of(exchange.name, Kind.SYMBOLS):
        try:
            listed = exchange.instruments(line.payload)
        except CodecError:
            continue  # a list of something else, or of an older shape
        found = {**found, **{each.native: each for each in listed if each.symbol == symbol}}
    if len(found) > 1:
        raise AmbiguousSymbol(symbol, exchange.name, sorted(found))
    return next(iter(found.values()), None)


def _with(instrument: Instrument, given: Sizes) -> Instrument:
    return replace(
        instrument,
        tick_size=given.tick or instrument.tick_size,
        lot_size=given.lot or instrument.lot_size,
    )


def _first_levels(recording: Recording, exchange: Exchange, symbol: str) -> tuple[str, list[tuple[str, str]]]:
    """The exchange's own id; texts of prices and quantities, of its first snapshot or of some changes."""
    seen = _Seen()
    changes: list[Delta] = []
    for event in seen.events(recording, exchange):
        if canonical_symbol(event.symbol) != symbol:
            continue
        if isinstance(event, Snapshot):
            return event.symbol, _texts(event.bids, event.asks)
        changes.append(event)
        if exchange.rules.snapshot_by_rest or len(changes) == _ENOUGH_CHANGES:
            break
    if not changes:
        raise TwapError(seen.nothing_of(symbol, exchange.name))
    native = changes[0].symbol
    for line in recording.of(exchange.name, Kind.HTTP):
        if names_instrument(line.url, native):
            snapshot = exchange.snapshot(line.payload, native)
            return native, _texts(snapshot.bids, snapshot.asks)
    return native, [text for change in changes for text in _texts(change.bids, change.asks)]


class _Seen:
    """What the frames of one exchange are, as they are read."""

    def __init__(self) -> None:
        self.frames = 0
        self.symbols: dict[str, None] = {}
        self.trouble: str | None = None

    def events(self, recording: Recording, exchange: Exchange) -> Iterator[Snapshot | Delta]:
        codecs: dict[int, FeedCodec] = {}
        for line in recording.of(exchange.name, Kind.WS):
            if line.ch != "ws":
                continue
            self.frames += 1
            codec = codecs.get(line.conn) or codecs.setdefault(line.conn, exchange.codec())
            try:
                events = codec.receive(line.payload)
            except CodecError as error:
                self.trouble = self.trouble or str(error)
                continue
            for event in events:
                if isinstance(event, Snapshot | Delta):
                    self.symbols.setdefault(event.symbol)
                    yield event

    def nothing_of(self, symbol: str, exchange: str) -> str:
        if self.symbols:
            some = ", ".join(islice(self.symbols, 20))
            return f"{exchange}: the recording holds no book of {symbol}; it holds: {some}"
        because = f" (the first that it refused: {self.trouble})" if self.trouble else ""
        return (
            f"{exchange}: none of the {self.frames} recorded frames is of a book as today's plugin reads it"
            f"{because}: this is a recording of another feed"
        )


def _texts(bids: WireLevels, asks: WireLevels) -> list[tuple[str, str]]:
    return [(level[0], level[1]) for side in (bids, asks) for level in side]


def _step(texts: Iterable[str]) -> Decimal:
    """The coarsest power of ten, at most 1, that all these numbers are multiples of."""
    exponents = [canonical(Decimal(text)).as_tuple().exponent for text in texts]
    return Decimal(1).scaleb(min((each for each in exponents if isinstance(each, int)), default=0))
