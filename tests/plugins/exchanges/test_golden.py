"""Codec and book together, on recorded frames: every book ends, and stands at every checkpoint, as computed
independently of the project. No network; the same on small books of our own where no recordings are."""

import hashlib
import json
import zlib
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from tests.fakes.clock import ManualClock
from tests.market_data import FOLDER, golden, needs_recordings, recording
from twap.domain.market import Market
from twap.plugins.exchanges import binance, bybit, coinbase, kraken, kucoin, okx
from twap.ports.events import Delta, Snapshot
from twap.ports.feed import Pulse
from twap.ports.market import BookState, Instrument

GOLDEN = {
    "binance": "binance",
    "bybit": "bybit_v5",
    "coinbase": "coinbase",
    "kraken": "kraken_v2",
    "kucoin": "kucoin",
    "okx": "okx",
}
PLUGINS = {each.__name__.rpartition(".")[2]: each for each in (binance, bybit, coinbase, kraken, kucoin, okx)}
SPLICED = {"binance", "kucoin"}
"""Their golden values count the changes alone; those of the others count snapshots, too."""


@dataclass
class Tape:
    """What one connection carried.

    rules   of the books; frames: bytes, in order; snapshots: bodies of REST answers by symbol
    prefix  of this connection's symbols in the golden values
    """

    rules: object
    frames: list
    snapshots: dict = field(default_factory=dict)
    prefix: str = ""


# --- recordings as today's frames ---


def tapes(name):
    exchange = PLUGINS[name].twap_exchange()
    if name == "kraken":
        return kraken_tapes(exchange)
    lines = recording(f"{GOLDEN[name]}.ws")
    if name == "coinbase":
        return [Tape(exchange.rules, advanced_trade(lines))]
    frames = [line["raw"].encode() for line in lines]
    if name in SPLICED:
        # The golden values take the recorded snapshots for the whole book.
        return [Tape(replace(exchange.rules, seed_depth=None), frames, snapshots(name))]
    return [Tape(exchange.rules, frames)]


def kraken_tapes(exchange):
    """The first connection was subscribed to 10 levels, the others to 25."""
    lines = recording("kraken_v2.ws")
    for number in sorted({line["conn"] for line in lines}):
        frames = [line["raw"].encode() for line in lines if line["conn"] == number]
        rules = replace(exchange.rules, kept_depth=10 if number == 1 else 25)
        yield Tape(rules, frames, prefix=f"conn{number}:")


def snapshots(name):
    """The first REST answer for each symbol."""
    found = {}
    for line in recording(f"{name}.http"):
        symbol = line["url"].split("symbol=")[1].split("&")[0]
        found.setdefault(symbol, line["raw"].encode())
    return found


def advanced_trade(lines):
    """Frames of the older Exchange feed in Advanced Trade's envelope, counted."""
    sides = {"buy": "bid", "sell": "offer"}
    messages = []
    for line in lines:
        message = json.loads(line["raw"])
        if message["type"] == "snapshot":
            levels = [("buy", *level) for level in message["bids"]]
            levels += [("sell", *level) for level in message["asks"]]
        elif message["type"] == "l2update":
            levels = message["changes"]
        else:
            continue
        messages.append((message, levels))
    return [
        json.dumps(
            {
                "channel": "l2_data",
                "timestamp": message.get("time", "1970-01-01T00:00:00Z"),
                "sequence_num": number,
                "events": [
                    {
                        "type": "snapshot" if message["type"] == "snapshot" else "update",
                        "product_id": message["product_id"],
                        "updates": [
                            {"side": sides[side], "price_level": price, "new_quantity": quantity}
                            for side, price, quantity in levels
                        ],
                    }
                ],
            }
        ).encode()
        for number, (message, levels) in enumerate(messages)
    ]


# --- playing a tape ---


class Player:
    """Books of one connection. `observe` is told (player, symbol, messages applied) after each message."""

    def __init__(self, name, tape, observe):
        self.exchange, self.tape, self.observe = PLUGINS[name].twap_exchange(), tape, observe
        self.market, self.books, self.asked_for = Market(ManualClock()), {}, []
        self.counts_snapshots = name not in SPLICED
        self.snapshots = {}

    def book(self, symbol):
        if symbol not in self.books:
            instrument = Instrument(
                self.exchange.name, symbol, symbol, "BASE", "QUOTE", Decimal("0.01"), Decimal("0.01")
            )
            heal = lambda cause, reason: self.asked_for.append((symbol, cause, reason))  # noqa: E731
            self.books[symbol] = book = self.market.open(instrument, self.tape.rules, heal)
            book.connected(Pulse(1000.0))
            if symbol in self.tape.snapshots:
                book.snapshot(self.exchange.snapshot(self.tape.snapshots[symbol], symbol))
        return self.books[symbol]

    def play(self):
        codec = self.exchange.codec()
        for frame in self.tape.frames:
            for event in codec.receive(frame):
                if isinstance(event, Snapshot):
                    self.book(event.symbol).snapshot(event)
                    self.snapshots[event.symbol] = self.snapshots.get(event.symbol, 0) + 1
                elif isinstance(event, Delta):
                    self.book(event.symbol).delta(event)
                else:
                    continue
                self.observe(self, event.symbol, self.applied(event.symbol))
        return self

    def applied(self, symbol):
        seen = self.snapshots.get(symbol, 0) if self.counts_snapshots else 0
        return self.books[symbol].counters.applied + seen

    def state(self, symbol):
        return self.market.source(self.exchange.name, symbol).state

    def best(self, symbol, count=None):
        """Bids and asks, best first; all where no count is given."""
        sides = self.market.levels(self.exchange.name, symbol)
        return [[(level.price, level.quantity) for level in side[:count]] for side in sides]


def digest(sides):
    """SHA-256 of a whole book, one level a line: `b 1.9537 10605`, bids first, best first."""
    lines = [
        f"{letter} {price.normalize():f} {quantity.normalize():f}\n"
        for letter, side in zip("ba", sides, strict=True)
        for price, quantity in side
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def exact(levels):
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]


# --- recorded books ---


def golden_keys():
    if not FOLDER.is_dir():
        return []
    return [(name, symbol) for name, file in GOLDEN.items() for symbol in golden(file)]


@pytest.fixture(scope="module")
def played():
    """Every recording played once: by exchange and golden symbol, the player and what it observed."""
    kept = {}

    def of(name):
        if name not in kept:
            kept[name] = dict(play_all(name))
        return kept[name]

    return of


def play_all(name):
    for tape in tapes(name):
        wanted = {
            key.removeprefix(tape.prefix): {point["n_applied"] for point in values["checkpoints"]}
            for key, values in golden(GOLDEN[name]).items()
            if key.startswith(tape.prefix)
        }
        seen = {symbol: {} for symbol in wanted}

        def observe(player, symbol, applied, wanted=wanted, seen=seen):
            if applied in wanted.get(symbol, ()):
                seen[symbol][applied] = player.best(symbol, 1)

        player = Player(name, tape, observe).play()
        for symbol in wanted:
            yield tape.prefix + symbol, (player, symbol, seen[symbol])


@needs_recordings
@pytest.mark.parametrize(("name", "key"), golden_keys())
def test_book_when_its_recording_is_played_then_it_ends_as_computed_independently(played, name, key):
    player, symbol, _ = played(name)[key]
    expected = golden(GOLDEN[name])[key]
    assert player.state(symbol) is BookState.LIVE
    whole = player.best(symbol)
    assert [side[:10] for side in whole] == [exact(expected["bids"]), exact(expected["asks"])]
    assert list(map(len, whole)) == [expected["n_bids"], expected["n_asks"]]
    assert digest(whole) == expected["full_book_sha256"]
    assert player.applied(symbol) == expected["checks"]["applied"]
    if expected["last_seq"] is not None:
        assert player.books[symbol].book.sequence == expected["last_seq"]


@needs_recordings
@pytest.mark.parametrize(("name", "key"), golden_keys())
def test_book_when_its_recording_is_played_then_every_checkpoint_holds(played, name, key):
    _, _, seen = played(name)[key]
    points = golden(GOLDEN[name])[key]["checkpoints"]
    expected = {point["n_applied"]: [exact([point["bid"]]), exact([point["ask"]])] for point in points}
    assert seen == expected


@needs_recordings
@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_books_when_recordings_are_played_then_none_asks_for_a_remedy(played, name):
    for player, symbol, _ in played(name).values():
        counters = player.books[symbol].counters
        assert (counters.gaps, counters.checksum_failures, counters.malformed) == (0, 0, 0)
        assert not [each for each in player.asked_for if each[0] == symbol]


# --- a small book of our own, told in each exchange's words ---

BIDS, ASKS = [["100.0", "1.50"], ["99.5", "2.00"], ["99.0", "0.25"]], [["100.5", "3.00"], ["101.0", "0.10"]]
BID_CHANGES, ASK_CHANGES = [["100.0", "0"], ["99.8", "4.00"]], [["100.3", "0.70"]]
ENDS_AS = [
    exact([("99.8", "4"), ("99.5", "2"), ("99", "0.25")]),
    exact([("100.3", "0.7"), ("100.5", "3"), ("101", "0.1")]),
]


def frames_of_binance():
    change = {"e": "depthUpdate", "E": 1, "s": "ABCUSD", "U": 9, "u": 12, "b": BID_CHANGES, "a": ASK_CHANGES}
    old = {**change, "U": 8, "u": 10, "b": [["98.0", "1"]], "a": []}
    return "ABCUSD", [old, change], {"lastUpdateId": 10, "bids": BIDS, "asks": ASKS}


def frames_of_bybit():
    def push(kind, number, bids, asks):
        data = {"s": "ABCUSD", "b": bids, "a": asks, "u": number, "seq": 7}
        return {"topic": "orderbook.1000.ABCUSD", "ts": 1, "type": kind, "data": data}

    return "ABCUSD", [push("snapshot", 5, BIDS, ASKS), push("delta", 6, BID_CHANGES, ASK_CHANGES)], None


def frames_of_coinbase():
    def frame(number, kind, bids, asks):
        updates = [
            {"side": side, "price_level": price, "new_quantity": quantity}
            for side, levels in (("bid", bids), ("offer", asks))
            for price, quantity in levels
        ]
        event = {"type": kind, "product_id": "ABC-USD", "updates": updates}
        return {"channel": "l2_data", "sequence_num": number, "events": [event]}

    beat = {"channel": "heartbeats", "sequence_num": 1, "events": []}
    change = frame(2, "update", BID_CHANGES, ASK_CHANGES)
    return "ABC-USD", [frame(0, "snapshot", BIDS, ASKS), beat, change], None


def frames_of_kraken():
    def frame(kind, bids, asks, digits):
        sides = [
            ",".join(f'{{"price":{price},"qty":{quantity}}}' for price, quantity in side)
            for side in (bids, asks)
        ]
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"ABC/USD","bids":[{sides[0]}],'
            f'"asks":[{sides[1]}],"checksum":{zlib.crc32(digits.encode())}}}]}}'
        )

    # By hand: asks, then bids, best first; price and quantity without points and leading zeros.
    snapshot = frame("snapshot", BIDS, ASKS, "1005300101010100015099520099025")
    changed = "100370100530010101099840099520099025"
    return "ABC/USD", [snapshot, frame("update", BID_CHANGES, ASK_CHANGES, changed)], None


def frames_of_kucoin():
    asks = [[*ASK_CHANGES[0], "12"]]
    bids = [["99.8", "4.00", "13"], ["99.8", "9.99", "11"], ["100.0", "0", "14"], ["0", "0", "15"]]
    data = {"sequenceStart": 11, "sequenceEnd": 15, "changes": {"bids": bids, "asks": asks}}
    change = {"type": "message", "topic": "/market/level2:ABC-USD", "subject": "trade.l2update", "data": data}
    return "ABC-USD", [change], {"code": "200000", "data": {"sequence": "10", "bids": BIDS, "asks": ASKS}}


def frames_of_okx():
    def frame(action, previous, number, bids, asks):
        sides = ([[*level, "0", "1"] for level in side] for side in (bids, asks))
        data = dict(zip(("bids", "asks"), sides, strict=True))
        data |= {"ts": "1", "checksum": 0, "prevSeqId": previous, "seqId": number}
        return {"arg": {"channel": "books", "instId": "ABC-USD"}, "action": action, "data": [data]}

    return (
        "ABC-USD",
        [frame("snapshot", -1, 10, BIDS, ASKS), frame("update", 10, 17, BID_CHANGES, ASK_CHANGES)],
        None,
    )


SMALL = {
    "binance": frames_of_binance,
    "bybit": frames_of_bybit,
    "coinbase": frames_of_coinbase,
    "kraken": frames_of_kraken,
    "kucoin": frames_of_kucoin,
    "okx": frames_of_okx,
}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_book_when_a_small_tape_is_played_then_it_ends_as_computed_by_hand(name):
    symbol, frames, snapshot = SMALL[name]()
    encoded = [(frame if isinstance(frame, str) else json.dumps(frame)).encode() for frame in frames]
    bodies = {symbol: json.dumps(snapshot).encode()} if snapshot else {}
    tape = Tape(PLUGINS[name].twap_exchange().rules, encoded, bodies)
    player = Player(name, tape, lambda *_: None).play()
    assert player.best(symbol) == ENDS_AS
    assert not player.asked_for
