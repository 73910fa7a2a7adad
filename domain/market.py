"""All books of the process: fed by the feed engine, read by broadcasts and by orders."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from twap.domain.book import PriceTexts
from twap.domain.consolidation import BookView, ConsolidatedLevel, Source, consolidate
from twap.domain.glance import Glance, Instant
from twap.domain.ladder import Ladder
from twap.domain.synchroniser import SyncCounters, Synchroniser
from twap.ports.clock import Clock
from twap.ports.events import WireTime
from twap.ports.exchange import BookRules
from twap.ports.feed import Healer
from twap.ports.market import BookState, Instrument, Level

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CACHED_VIEWS = 1_000
_MOST_MISSING = 10_000

Bests = tuple[tuple[ConsolidatedLevel, ...], tuple[ConsolidatedLevel, ...]]


class Market:
    """Implements twap.ports.feed.BookSink, and reads the books that are kept there.

    stale_after_seconds  a book whose feed gave no sign of life for longer is not shown and fills nothing
    """

    def __init__(self, clock: Clock, *, stale_after_seconds: float = 5) -> None:
        self._clock = clock
        self._stale_after = stale_after_seconds
        self._prices = PriceTexts()
        self._books: dict[tuple[str, str], Synchroniser] = {}
        self._ladders: dict[tuple[str, str], tuple[object, tuple[Ladder, Ladder]]] = {}
        self._missing: dict[tuple[str, str], str] = {}
        self._views: OrderedDict[tuple[str, tuple[str, ...], int], tuple[object, Bests]] = OrderedDict()

    # -- BookSink

    def open(self, instrument: Instrument, rules: BookRules, heal: Healer) -> Synchroniser:
        book = Synchroniser(instrument, rules, self._prices, heal)
        self._books[instrument.exchange, instrument.symbol] = book
        self._missing.pop((instrument.exchange, instrument.symbol), None)
        return book

    def close(self, exchange: str, symbol: str) -> None:
        self._books.pop((exchange, symbol), None)
        self._ladders.pop((exchange, symbol), None)

    def missing(self, exchange: str, symbol: str, reason: str) -> None:
        """This book can't even be opened: it is DOWN, with the reason, until it is."""
        if len(self._missing) < _MOST_MISSING:
            self._missing[exchange, symbol] = reason

    def found(self, exchange: str, symbol: str) -> None:
        """Nobody asks for that book any more."""
        self._missing.pop((exchange, symbol), None)

    # -- reading

    def source(self, exchange: str, symbol: str) -> Source:
        """The state of one book now."""
        book = self._books.get((exchange, symbol))
        if book is None:
            reason = self._missing.get((exchange, symbol))
            if reason is not None:
                return Source(BookState.DOWN, None, None, reason)
            return Source(BookState.SYNCING, None, None, "no feed of this book yet")
        now = self._clock.monotonic()
        state = book.state(now, self._stale_after)
        age = book.age_seconds(now)
        reason = f"no sign of life for {age:.1f} s" if state is BookState.STALE and age else book.reason
        return Source(
            state,
            None if age is None else int(age * 1000),
            book.book.sequence if book.is_true else None,
            None if state is BookState.LIVE else reason,
        )

    def view(self, symbol: str, exchanges: Sequence[str], depth: int) -> BookView:
        """The consolidated book of these exchanges, best `depth` prices a side. Computed anew only when
        one of the books has changed."""
        sources = {exchange: self.source(exchange, symbol) for exchange in exchanges}
        live = [exchange for exchange in exchanges if sources[exchange].state is BookState.LIVE]
        books = {exchange: self._books[exchange, symbol] for exchange in live}
        versions = tuple((exchange, id(book), book.version) for exchange, book in books.items())
        key = (symbol, tuple(exchanges), depth)
        cached = self._views.get(key)
        if cached is not None and cached[0] == versions:
            self._views.move_to_end(key)
            bids, asks = cached[1]
        else:
            bids = consolidate({e: b.book.bids.best(depth) for e, b in books.items()}, depth, descending=True)
            asks = consolidate(
                {e: b.book.asks.best(depth) for e, b in books.items()}, depth, descending=False
            )
            self._views[key] = (versions, (bids, asks))
            if len(self._views) > _CACHED_VIEWS:
                self._views.popitem(last=False)
        return BookView(symbol, bids, asks, sources)

    def levels(self, exchange: str, symbol: str) -> tuple[list[Level], list[Level]]:
        """All known bids and asks of one book, best first; empty where it is not live."""
        book = self._books.get((exchange, symbol))
        if book is None or book.state(self._clock.monotonic(), self._stale_after) is not BookState.LIVE:
            return [], []
        return book.book.bids.best(), book.book.asks.best()

    def at_once(self) -> Instant:
        """The books as they are now, for orders: to be asked before anything else can change them."""
        return Instant(self)

    def glance(self, exchange: str, symbol: str) -> Glance:
        """One book as orders see it now."""
        source = self.source(exchange, symbol)  # may find the book crossed, and empty it
        book = self._books.get((exchange, symbol))
        if book is None or source.state is not BookState.LIVE:
            return Glance(exchange, source)
        bids, asks = self._both_ladders(exchange, symbol, book)
        return Glance(exchange, source, bids, asks, exchange_time(book.exchange_time))

    def _both_ladders(self, exchange: str, symbol: str, book: Synchroniser) -> tuple[Ladder, Ladder]:
        version, key = (id(book), book.version), (exchange, symbol)
        known = self._ladders.get(key)
        if known is None or known[0] != version:
            known = version, (Ladder(book.book.bids), Ladder(book.book.asks))
            self._ladders[key] = known
        return known[1]

    def counters(self, exchange: str, symbol: str) -> SyncCounters | None:
        book = self._books.get((exchange, symbol))
        return None if book is None else book.counters


def exchange_time(value: WireTime) -> datetime | None:
    """An exchange's time as aware UTC; None where it gave none that can be read."""
    if value is None:
        return None
    try:
        if isinstance(value, int):
            return _EPOCH + timedelta(milliseconds=value)
        parsed = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
