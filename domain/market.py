"""All books of the process: fed by the feed engine, read by broadcasts and by orders."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twap.domain.book import PriceTexts
from twap.domain.consolidation import BookView, ConsolidatedLevel, Source, consolidate
from twap.domain.ladder import Ladder
from twap.domain.look import Remembered, look_at
from twap.domain.synchroniser import SyncCounters, Synchroniser
from twap.ports.clock import Clock
from twap.ports.events import WireTime
from twap.ports.exchange import BookRules
from twap.ports.feed import Healer
from twap.ports.market import BookState, Instrument, Level
from twap.ports.order import Side, VenueLook

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CACHED_VIEWS = 1_000
_MOST_MISSING = 10_000
_MOMENT_SECONDS = 0.002

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
        self._glances: dict[tuple[str, str], _Glance] = {}
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
        self._glances.pop((exchange, symbol), None)

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

    def look(
        self,
        exchange: str,
        symbol: str,
        side: Side,
        *,
        limit: Decimal,
        need: Decimal,
        lot: Decimal,
        remembered: Remembered,
        measure_visible: bool,
    ) -> VenueLook:
        """One book as an order sees it now: see `twap.domain.look`."""
        glance = self._glance(exchange, symbol)
        source = glance.source
        if source.state is not BookState.LIVE:
            return VenueLook(exchange, source.state, source.sequence, None, source.age_ms)
        far, near = (glance.asks, glance.bids) if side is Side.BUY else (glance.bids, glance.asks)
        near_best = near.top(1)
        return look_at(
            exchange,
            far,
            near_best[0].price if near_best else None,
            limit=limit,
            need=need,
            lot=lot,
            remembered=remembered,
            measure_visible=measure_visible,
            stamp=(source.sequence or 0, glance.exchange_time, source.age_ms or 0),
        )

    def _glance(self, exchange: str, symbol: str) -> "_Glance":
        """Thousands of orders may look at a book at the same moment: it is prepared once for all of them."""
        key = (exchange, symbol)
        now = self._clock.monotonic()
        book, glance = self._books.get(key), self._glances.get(key)
        if glance is not None and now < glance.until and glance.shows(book):
            return glance
        source = self.source(exchange, symbol)  # may find the book crossed, and empty it
        previous = glance if glance is not None and glance.shows(book) else None
        self._glances[key] = glance = _Glance(book, source, now + _MOMENT_SECONDS, previous)
        return glance

    def counters(self, exchange: str, symbol: str) -> SyncCounters | None:
        book = self._books.get((exchange, symbol))
        return None if book is None else book.counters


class _Glance:
    """One book at one moment. until: monotonic seconds; its age would be wrong later."""

    __slots__ = ("asks", "bids", "book", "exchange_time", "source", "until", "version")

    bids: Ladder
    asks: Ladder
    exchange_time: datetime | None

    def __init__(
        self, book: Synchroniser | None, source: Source, until: float, previous: "_Glance | None"
    ) -> None:
        self.book, self.source, self.until = book, source, until
        self.version = None if book is None else book.version
        if book is None or source.state is not BookState.LIVE:
            return
        if previous is not None and previous.source.state is BookState.LIVE:
            self.bids, self.asks, self.exchange_time = previous.bids, previous.asks, previous.exchange_time
        else:
            self.bids, self.asks = Ladder(book.book.bids), Ladder(book.book.asks)
            self.exchange_time = exchange_time(book.exchange_time)

    def shows(self, book: Synchroniser | None) -> bool:
        return self.book is book and (book is None or self.version == book.version)


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
