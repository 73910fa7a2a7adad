"""Order books from plain dicts of price to quantity, for running whole orders through the domain."""

from decimal import Decimal

from twap.domain.book import OrderBook, PriceTexts
from twap.domain.consolidation import Source
from twap.domain.execution import advance, next_event_at
from twap.domain.glance import Glance, Instant
from twap.domain.ladder import Ladder
from twap.ports.market import BookState

AGE_MS = 40


class FakeBooks:
    """Implements twap.domain.execution.Books. An exchange without a book is syncing."""

    def __init__(self):
        self._books, self._states, self._sequence, self._times = {}, {}, 0, {}
        self.looks = 0

    def show(self, exchange, *, bids=(), asks=(), at=None):
        """Replace a book: dicts (or pairs) of price to quantity, as numbers or text. at: exchange time."""
        book = OrderBook(PriceTexts())
        self._sequence += 1
        book.apply(_texts(bids), _texts(asks), self._sequence)
        self._books[exchange], self._times[exchange] = book, at
        self._states[exchange] = BookState.LIVE

    def set_state(self, exchange, state):
        self._states[exchange] = state

    def at_once(self):
        return self

    def look(self, demand, memory):
        self.looks += 1
        return Instant(self).look(demand, memory)

    def glance(self, exchange, symbol):
        state = self._states.get(exchange, BookState.SYNCING)
        if state is not BookState.LIVE:
            return Glance(exchange, Source(state, None, None, None))
        book = self._books[exchange]
        source = Source(state, AGE_MS, book.sequence, None)
        return Glance(exchange, source, Ladder(book.bids), Ladder(book.asks), self._times[exchange])


def _texts(levels):
    pairs = levels.items() if isinstance(levels, dict) else levels
    return [(f"{Decimal(str(price)):f}", f"{Decimal(str(quantity)):f}") for price, quantity in pairs]


def run_order(order, books, *, before=lambda now, order: None, woken=lambda due: due, **others):
    """Run an order to its end; gives it and its slices, by number.

    before  called with the time and the order before each step: may change the books, may return the order in
            another state
    woken   from the time at which the order has something to do to the time at which somebody looks
    """
    slices = []
    now = woken(order.starts_at)
    while not order.status.over:
        order = before(now, order) or order
        step = None if order.status.over else advance(order, now, books, **others)
        if step is not None:
            order = step.order
            slices += step.slices
        event = next_event_at(order, now)
        now = now if event is None else max(woken(event), now)
    return order, sorted(slices, key=lambda one: one.number)
