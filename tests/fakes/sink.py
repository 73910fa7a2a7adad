"""A book sink that writes down what it was told."""


class RecordedBook:
    """log: tuples, first the method's name. Tests ask for a remedy with `heal(cause, reason)`."""

    def __init__(self, instrument, rules, heal):
        self.instrument, self.rules, self.heal = instrument, rules, heal
        self.log = []
        self.pulse = None
        self.failing = False

    def connected(self, pulse):
        self.pulse = pulse
        self.log.append(("connected",))

    def interrupted(self, state, reason):
        self.log.append(("interrupted", str(state), reason))

    def snapshot(self, event):
        self._fail()
        self.log.append(("snapshot", event.sequence))

    def delta(self, event):
        self._fail()
        self.log.append(("delta", event.last))

    def _fail(self):
        if self.failing:
            raise RuntimeError("a book with a fault")

    def states(self):
        return [entry[1] for entry in self.log if entry[0] == "interrupted"]

    def told(self, what):
        return [entry for entry in self.log if entry[0] == what]


class RecordingSink:
    """books: by (exchange, symbol), the open ones; closed: keys in order."""

    def __init__(self):
        self.books, self.closed = {}, []

    def open(self, instrument, rules, heal):
        book = RecordedBook(instrument, rules, heal)
        self.books[instrument.exchange, instrument.symbol] = book
        return book

    def close(self, exchange, symbol):
        self.closed.append((exchange, symbol))
        del self.books[exchange, symbol]
