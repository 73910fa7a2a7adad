"""Market data: recorded bytes in, updated books out. What it costs, and what it costs others."""

import random
import time
from decimal import Decimal
from functools import partial
from statistics import geometric_mean, median

from tests.bench import peers
from tests.bench.footprint import books_to_dicts
from tests.bench.material import CHECKSUMMED, NAMES, tapes
from tests.bench.players import DECIMALS, Decode, Product, prepared
from tests.bench.report import Goal, Section
from tests.bench.timing import interleaved, percentile, ratio
from tests.fakes.clock import ManualClock
from twap.domain.consolidation import ConsolidatedLevel
from twap.domain.market import Market
from twap.ports.events import Delta, Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse
from twap.ports.market import Instrument

ROUNDS = 15
LATENCY_ROUNDS = 25


def run(options):
    section = Section("market")
    ratios = speed(section)
    tails(section)
    section.goal_table([floor_goal(ratios), *footprint(), *consolidation()])
    if options.peers:
        peers.compare(section, {name: tapes(name) for name in NAMES})
    return section


# --- messages per second ---


def speed(section):
    """Ratios of the product's time to that of the Decimal floor, by exchange."""
    rows, ratios = [], {}
    for name in (*NAMES, CHECKSUMMED):
        material = tapes(name)
        check(name, material)
        frames = sum(len(tape.frames) for tape in material)
        seconds = interleaved(contenders(name, material), ROUNDS)
        micros = {each: median(values) / frames * 1e6 for each, values in seconds.items()}
        to_floor = ratio(seconds, "product", "decimals")
        if name != CHECKSUMMED:
            ratios[name] = to_floor
        rows.append(
            (
                name,
                frames,
                f"{1e6 / micros['product']:,.0f}",
                *(f"{micros[each]:.2f}" for each in ("product", "decimals", "decode")),
                f"**{to_floor:.2f}**",
                f"{ratio(seconds, 'decode', 'product'):.0%}",
                f"{ratio(seconds, 'codec', 'product'):.0%}",
            )
        )
    section.table(
        (
            "recording",
            "messages",
            "messages/s",
            "µs a message",
            "Decimal floor, µs",
            "decode only, µs",
            "ratio to the Decimal floor",
            "plain decoding, of our time",
            "codec, of our time",
        ),
        rows,
    )
    return ratios


def contenders(name, material):
    floor = DECIMALS[name.partition(",")[0]]
    makers = {"product": Product, "decimals": floor, "decode": Decode, "codec": CodecAlone}
    return {each: partial(prepared, maker, material) for each, maker in makers.items()}


class CodecAlone:
    """Bytes to events: decoding into the exchange's types, and sorting out what they mean."""

    def __init__(self, tape):
        self.frames, self.codec = tape.frames, tape.exchange.codec()

    def play(self):
        receive = self.codec.receive
        for frame in self.frames:
            receive(frame)


def check(name, material):
    """Both sides end with the same best prices, so they did the same work."""
    for tape in material:
        product, floor = Product(tape), DECIMALS[name.partition(",")[0]](tape)
        product.play()
        floor.play()
        if tape.rules.kept_depth is not None:
            continue  # the floor keeps levels that the exchange says nothing about any more
        for symbol in tape.symbols:
            assert product.best(symbol) == floor.best(symbol), (name, symbol)


def floor_goal(ratios):
    mean = geometric_mean(ratios.values())
    return Goal(
        "whole path, geometric mean over the six exchanges",
        "≤ 1.0 × the Decimal floor (stretch 0.75 ×)",
        f"{mean:.2f} ×",
        mean <= 1.0,
    )


# --- the 99th percentile ---


def tails(section):
    """Of messages, whatever they carry; so the floor's own spread stands beside ours."""
    goals = []
    for name in NAMES:
        material = tapes(name)
        micros = latencies(Product, material)
        middle, tail = median(micros), percentile(micros, 0.99)
        floor = latencies(DECIMALS[name], material)
        goals.append(
            Goal(
                f"{name}: 99th percentile of a message",
                "≤ 3 × its median",
                f"{tail:.1f} µs, median {middle:.1f} µs: {tail / middle:.1f} × "
                f"(the floor's: {percentile(floor, 0.99) / median(floor):.1f} ×)",
                tail <= 3 * middle,
            )
        )
    section.goal_table(goals)


def latencies(maker, material):
    """Microseconds of processor time of every message but snapshots, of all rounds."""
    found = []
    for _ in range(LATENCY_ROUNDS):
        for tape in material:
            player = maker(tape)
            watch = Stopwatch(tape.frames)
            player.frames = watch
            player.play()
            found += [
                micros
                for frame, micros in zip(tape.frames, watch.micros(), strict=True)
                if b'"snapshot"' not in frame[:400]
            ]
    return found


class Stopwatch:
    """Frames that note when they were asked for: the time until the next one is theirs."""

    def __init__(self, frames):
        self.frames, self.stamps = frames, []

    def __iter__(self):
        stamps, now = self.stamps, time.thread_time_ns
        for frame in self.frames:
            stamps.append(now())
            yield frame
        stamps.append(now())

    def micros(self):
        return [(after - before) / 1000 for before, after in zip(self.stamps, self.stamps[1:], strict=False)]


# --- memory ---


def footprint():
    ours, theirs = books_to_dicts(symbols=100, levels=1000)
    return [
        Goal(
            "memory of 100 books of 1,000 levels a side",
            "≤ 1.0 × `dict[Decimal, Decimal]` (stretch 0.5 ×)",
            f"{ours / 2**20:.1f} MiB, the dicts {theirs / 2**20:.1f} MiB: {ours / theirs:.2f} ×",
            ours <= theirs,
        )
    ]


# --- many books as one ---


def consolidation():
    """The best 10 prices of four books of 1,000 levels a side."""
    fours = Fours()
    changed = interleaved({"view": fours.change, "merge": fours.plain}, ROUNDS)
    fours.change()()
    same = interleaved({"view": lambda: fours.view, "merge": fours.plain}, ROUNDS)
    return [
        _consolidation_goal("best 10 of 4 × 1,000 levels, all four books changed", 14, changed),
        _consolidation_goal("the same, no book changed", 100, same),
    ]


def _consolidation_goal(what, least, seconds):
    times = ratio(seconds, "merge", "view")
    view, merge = (median(seconds[name]) * 1e6 for name in ("view", "merge"))
    return Goal(
        what,
        f"≥ {least} × faster than merging and sorting everything",
        f"{view:.1f} µs to {merge:,.0f} µs: {times:,.0f} ×",
        times >= least,
    )


class Fours:
    """Four live books of one symbol, and the same levels as plain dicts."""

    EXCHANGES = ("A", "B", "C", "D")

    def __init__(self):
        self.random, self.sequence = random.Random(4), 1  # noqa: S311
        clock = ManualClock()
        self.market = Market(clock)
        self.books, self.dicts = [], []
        for exchange in self.EXCHANGES:
            instrument = Instrument(
                exchange, "BTCUSDT", "BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001")
            )
            book = self.market.open(instrument, BookRules(), lambda cause, reason: None)
            book.connected(Pulse(clock.monotonic()))
            bids = [(f"{60000 - 0.01 * (7 * n + 1):.2f}", self.quantity()) for n in range(1000)]
            asks = [(f"{60000 + 0.01 * (7 * n + 1):.2f}", self.quantity()) for n in range(1000)]
            book.snapshot(Snapshot("BTCUSDT", bids, asks, 1))
            self.books.append(book)
            self.dicts.append([{Decimal(p): Decimal(q) for p, q in side} for side in (bids, asks)])
        assert self.view().bids == self.merged()[0]

    def quantity(self):
        return f"{self.random.uniform(0.001, 3):.5f}"

    def change(self):
        """A level near the best of each side of each book gets another quantity."""
        self.sequence += 1
        for book in self.books:
            away = 0.01 * (7 * self.random.randrange(20) + 1)
            bids, asks = (
                [(f"{60000 - away:.2f}", self.quantity())],
                [(f"{60000 + away:.2f}", self.quantity())],
            )
            book.delta(Delta("BTCUSDT", self.sequence, self.sequence, bids, asks))
        return self.view

    def view(self):
        return self.market.view("BTCUSDT", self.EXCHANGES, 10)

    def plain(self):
        return self.merged

    def merged(self):
        """Merge and sort everything."""
        best = []
        for side, descending in ((0, True), (1, False)):
            totals, sources = {}, {}
            for exchange, book in zip(self.EXCHANGES, self.dicts, strict=True):
                for price, quantity in book[side].items():
                    totals[price] = totals.get(price, 0) + quantity
                    sources.setdefault(price, []).append(exchange)
            best.append(
                tuple(
                    ConsolidatedLevel(price, totals[price], tuple(sources[price]))
                    for price in sorted(totals, reverse=descending)[:10]
                )
            )
        return best
