"""A simple true exchange against the state machine, under any interleaving."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.syncing import BY_REST, CHAINED, delta, make, snapshot
from twap.ports.feed import Pulse


class TrueExchange:
    """Every book it ever had, by sequence; frames to lose, repeat, or deliver late."""

    def __init__(self):
        self.sequence, self.book = 0, {}
        self.books = {0: {}}
        self.frames = []

    def change(self, changes):
        first = self.sequence + 1
        for price, quantity in changes:
            self.sequence += 1
            self.book = {**self.book, price: quantity}
            if not quantity:
                del self.book[price]
            self.books[self.sequence] = self.book
        self.frames.append(delta(first, self.sequence, [(str(p), str(q)) for p, q in changes]))

    def snapshot(self):
        return snapshot(self.sequence, [(str(p), str(q)) for p, q in self.book.items()], [])


CHANGE = st.tuples(st.integers(1, 12), st.integers(0, 3))
STEPS = st.lists(
    st.one_of(
        st.lists(CHANGE, min_size=1, max_size=4).map(lambda changes: ("change", changes)),
        st.sampled_from(
            ["deliver", "deliver", "lose", "repeat", "take", "answer", "answer", "reconnect"]
        ).map(lambda what: (what, None)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("rules", [BY_REST, CHAINED], ids=["rest", "chained"])
@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_book_when_frames_are_lost_repeated_and_late_then_live_means_true(rules, steps):
    exchange, answers = TrueExchange(), []
    sync, _ = make(rules)
    delivered = []
    for what, changes in steps:
        if what == "change":
            exchange.change(changes)
        elif what == "deliver" and exchange.frames:
            delivered.append(exchange.frames.pop(0))
            sync.delta(delivered[-1])
        elif what == "lose" and exchange.frames:
            exchange.frames.pop(0)
        elif what == "repeat" and delivered:
            sync.delta(delivered[-1])
        elif what == "take":
            answers.append(exchange.snapshot())
        elif what == "answer" and answers:
            answer = answers.pop(0)
            if rules is CHAINED:  # in the stream: in order with its frames
                exchange.frames.clear()
                answer = exchange.snapshot()
            sync.snapshot(answer)
        elif what == "reconnect":
            exchange.frames.clear()
            answers.clear()
            sync.connected(Pulse(0.0))
        if sync.is_true:
            found = {int(x.price): int(x.quantity) for x in sync.book.bids.best()}
            assert found == exchange.books[sync.book.sequence]
