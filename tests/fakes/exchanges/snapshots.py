"""Books asked for by REST, for exchanges that splice their stream onto such a snapshot."""

from tests.fakes.exchanges.market import Book


class RestSnapshots:
    """Keeps what is needed to serve a snapshot that is too old, or from amid the last change."""

    def forget_snapshots(self):
        self._first, self._before = {}, {}

    def before_change(self, symbol):
        if self.faults.find("overlap_snapshot", symbol):
            self._before[symbol] = copy(self.market.books[symbol])

    def snapshot_book(self, symbol):
        """The true book; with `wrong_snapshot` the first that was ever served; with `overlap_snapshot`
        one whose sequence lies within the last change (the fault must be there before that change)."""
        book = self.market.books[symbol]
        first = self._first.setdefault(symbol, copy(book))
        if self.faults.take("wrong_snapshot", symbol):
            return first
        if symbol in self._before and self.faults.take("overlap_snapshot", symbol):
            amid, change = self._before.pop(symbol), self.last_change[symbol]
            amid.sequence = (change.first + change.last) // 2
            if amid.sequence < change.last:
                self.apply_until(amid, change, amid.sequence)
                return amid
        return book

    def apply_until(self, book, change, sequence):
        """Apply the part of a change up to a sequence within it."""
        raise NotImplementedError


def copy(book):
    return Book(book.bids.values(), book.asks.values(), book.sequence)
