"""The engine, its books and stand-ins of exchanges on one stage, with an eye on everything the books say."""

import asyncio
import time
from collections import defaultdict, deque
from dataclasses import replace
from decimal import Decimal

from tests.conformance.surroundings import SPEED, Adjusted, HastyClock, HastyTransport, SentWindow
from tests.fakes.exchanges.limits import Window
from tests.fakes.ids import CountingIds
from twap.domain.market import Market
from twap.plugins.transport import FeedEngine, Timing
from twap.ports.exchange import Endpoints
from twap.ports.market import BookState, canonical_symbol

BUNCHED = 0.8
"""The stand-ins' limits are counted in windows so much shorter: frames may arrive closer than they left."""
BOUND_SECONDS = 15
"""Real seconds: nothing may take longer to come true."""
TIMING = Timing(linger=2, silence=10, audit=30, patience=8, rejected=4, healthy=2, closing=8)


class States(dict):
    """True books by sequence; all of them, where an exchange gives several the same one (a checksum)."""

    def __setitem__(self, sequence, sides):
        self.setdefault(sequence, []).append(sides)


class WatchedMarket(Market):
    """Books as the program keeps them; `look` is called with the instrument after everything they hear."""

    def __init__(self, clock, look):
        super().__init__(clock, stale_after_seconds=8)
        self._look = look

    def open(self, instrument, rules, heal):
        return WatchedBook(super().open(instrument, rules, heal), instrument, self._look)


class WatchedBook:
    """Implements twap.ports.feed.BookInput."""

    def __init__(self, book, instrument, look):
        self._book, self._instrument, self._look = book, instrument, look

    def connected(self, pulse):
        self._book.connected(pulse)
        self._look(self._instrument)

    def interrupted(self, state, reason):
        self._book.interrupted(state, reason)
        self._look(self._instrument)

    def snapshot(self, event):
        self._book.snapshot(event)
        self._look(self._instrument, event)

    def delta(self, event):
        self._book.delta(event)
        self._look(self._instrument, event)


class Stage:
    """`async with Stage(exchange, stand_in) as stage`: started, with nothing subscribed yet.

    exchange, server  the first of the pairs, `name` its name; more may be given as `others`
    wrong             what was untrue of a book that was said to be live; must stay empty
    seen              states of books that were not live, in the order they were first met
    reasons           what was said of them then
    trusted           levels a side that can be held to the truth (None: all that the program knows)
    mislabelled       a book may be any true one: the stand-in itself lies about its sequence
    blind             books are not compared: what is wrong can't be known by this protocol
    window            levels a side that the exchange itself shows (None: all)
    checksum_depth    levels a side that the exchange's checksums cover (None: it sends none)
    """

    def __init__(self, exchange, server, *others, speed=SPEED, now=None, timing=None, window=None, **limits):
        self.clock, self.window = HastyClock(speed, now), window
        self.name, self.exchange, self.server = exchange.name, exchange, server
        limits = {"probe_seconds": 1, "max_frame_bytes": 2**18, **limits}
        self.servers = {one.name: stand_in for one, stand_in in ((exchange, server), *others)}
        self.exchanges = {
            one.name: Adjusted(one, limits=replace(one.limits, **limits))
            for one, _ in ((exchange, server), *others)
        }
        self.rules = exchange.rules
        self.market = WatchedMarket(self.clock, self._look)
        self.timing = timing or TIMING
        self.engine, self.instruments = None, []
        self.wrong, self.seen, self.reasons = [], [], set()
        self.trusted, self.mislabelled, self.blind = None, False, False
        self.checksum_depth = None
        self.shrink = BUNCHED / speed
        self.sent = defaultdict(deque)

    async def __aenter__(self):
        for server in self.servers.values():
            self._prepare(server)
            await server.start()
            server.requests = SentWindow(*server.rest_limit, self.sent[server.rest_url])
        self.engine = self.new_engine()
        await self.engine.start()
        return self

    async def __aexit__(self, *_):
        await self.engine.close()
        for server in self.servers.values():
            await server.stop()

    def _prepare(self, server):
        """Let its limits count in the program's seconds, and keep all of its books."""
        frames, connects = (
            (count, seconds * self.shrink) for count, seconds in (server.frame_limit, server.connect_limit)
        )
        server.frame_limit, server.connects = frames, Window(*connects)
        if server.heartbeat_seconds:
            server.heartbeat_seconds /= self.clock.speed
        server.keep_history = True
        server.history = {symbol: States() for symbol in server.market.symbols}
        for symbol in server.market.symbols:
            server.remember(symbol)
        remember_served_snapshots(server)

    def new_engine(self):
        self.transport = HastyTransport(self.clock, self.sent)
        return FeedEngine(
            self.exchanges,
            self.market,
            self.clock,
            CountingIds(0.2),
            endpoints={
                name: Endpoints(server.rest_url, server.ws_url) for name, server in self.servers.items()
            },
            transport=self.transport,
            timing=self.timing,
        )

    # --- subscriptions ---

    async def follow(self, count=2, name=None):
        """Subscribe to the stand-in's first symbols, and wait until their books are true."""
        name = name or self.name
        for native in self.servers[name].market.symbols[:count]:
            instrument = await self.engine.instrument(name, canonical_symbol(native))
            self.engine.acquire(instrument)
            self.instruments.append(instrument)
        await self.true()

    def release(self):
        for instrument in self.instruments:
            self.engine.release(instrument)
        self.instruments = []

    # --- the market moves ---

    @property
    def symbol(self):
        """The first symbol, as the stand-in spells it."""
        return self.server.market.symbols[0]

    async def step(self, count=1, symbol=None):
        """Changes of the true book of one symbol, or of all that are followed in turn."""
        for number in range(count):
            for server, native in self._turns(symbol, number):
                server.emit(native)
                await server.flush()
            await asyncio.sleep(0)

    def _turns(self, symbol, number):
        if symbol is not None:
            return [(self.server, symbol)]
        followed = [(self.servers[each.exchange], each.native) for each in self.instruments]
        return [followed[number % len(followed)]]

    # --- waiting ---

    async def until(self, condition, what, seconds=BOUND_SECONDS):
        """Wait for a condition; every book is looked at meanwhile."""
        end = time.monotonic() + seconds
        while not condition():
            if self.wrong or time.monotonic() > end:
                raise AssertionError(f"{self.name}: {what} did not come true in {seconds} s: {self.report()}")
            self.look()
            await asyncio.sleep(0.002)
        self.look()

    async def true(self, name=None):
        """Until every followed book (of one exchange) is live and equal to the stand-in's of now."""
        books = [each for each in self.instruments if name in (None, each.exchange)]
        await self.until(lambda: all(map(self.is_true, books)), "a true book")

    async def heal(self):
        """Let the market go on, until all books are true again and stay so."""
        self.server.clear_faults()
        end = time.monotonic() + BOUND_SECONDS
        while True:
            await self.step(len(self.instruments))
            try:
                await self.until(lambda: all(map(self.is_true, self.instruments)), "healing", 0.5)
            except AssertionError:
                if time.monotonic() > end:
                    raise
            else:
                break
        self.trusted, self.mislabelled, self.blind = None, False, False
        await self.step(2 * len(self.instruments))
        await self.true()

    # --- judging ---

    def look(self):
        for instrument in self.instruments:
            self._look(instrument)

    def _look(self, instrument, event=None):
        """Note whatever is untrue of this book now, if it is said to be live."""
        if event is not None and event.checksum is not None:
            self.checksum_depth = self.rules.checksum and self.rules.checksum.depth
        source = self.market.source(instrument.exchange, instrument.symbol)
        if source.state is not BookState.LIVE:
            if not source.reason:
                self.wrong.append(f"{instrument.native} is {source.state} without a reason")
            self.reasons.add(source.reason)
            if source.state not in self.seen:
                self.seen.append(source.state)
        elif not self.blind:
            known, states = self.levels(instrument), self._true_states(instrument, source.sequence)
            if self.market.source(instrument.exchange, instrument.symbol).state is not BookState.LIVE:
                return  # it became stale between the two looks
            if not any(self._fits(known, state) for state in states):
                self.wrong.append(f"{instrument.native} at {source.sequence}: {self.difference(instrument)}")

    def _true_states(self, instrument, sequence):
        history = self.servers[instrument.exchange].history[instrument.native]
        if self.mislabelled:
            return [state for states in history.values() for state in states]
        return history.get(sequence, [])

    def levels(self, instrument):
        """What the program shows: [price, quantity] as Decimals, bids and asks, best first."""
        sides = self.market.levels(instrument.exchange, instrument.symbol)
        return [[(level.price, level.quantity) for level in side] for side in sides]

    def is_true(self, instrument):
        """Live, and equal to the stand-in's book of this moment."""
        source = self.market.source(instrument.exchange, instrument.symbol)
        bids, asks, _ = self.servers[instrument.exchange].book(instrument.native)
        return source.state is BookState.LIVE and self._fits(self.levels(instrument), (bids, asks))

    def _fits(self, known, state):
        """A book known to some depth only is compared as far as it is known."""
        for mine, theirs in zip(known, exact(state), strict=True):
            depth = len(mine) if self._has_horizon and mine else self.window or len(theirs)
            if self.trusted is not None:
                depth = min(depth, self.trusted)
            if mine[: self.trusted] != theirs[:depth]:
                return False
        return True

    @property
    def _has_horizon(self):
        """The snapshots are shallower than the stand-in's books, which stray about their size."""
        seeded = self.rules.seed_depth
        return seeded is not None and self.server.market.levels * 1.5 >= seeded

    def sides(self, instrument):
        """Of both sides: what the program shows, and what is true now."""
        bids, asks, _ = self.servers[instrument.exchange].book(instrument.native)
        return list(zip(self.levels(instrument), exact((bids, asks)), strict=True))

    def difference(self, instrument):
        """A few levels that are not as they are at the stand-in now."""
        sides = [(set(mine), set(theirs)) for mine, theirs in self.sides(instrument)]
        extra = [sorted(map(shown, mine - theirs))[:3] for mine, theirs in sides]
        missing = [sorted(map(shown, theirs - mine))[:3] for mine, theirs in sides]
        return f"shown but untrue now {extra}, true now but not shown {missing}"

    # --- status ---

    def status(self, name=None):
        return next(each for each in self.engine.status() if each.exchange == (name or self.name))

    def counters(self, number=0):
        instrument = self.instruments[number]
        return self.market.counters(instrument.exchange, instrument.symbol)

    def source(self, number=0):
        instrument = self.instruments[number]
        return self.market.source(instrument.exchange, instrument.symbol)

    def report(self):
        sources = [self.market.source(each.exchange, each.symbol) for each in self.instruments]
        return f"{sources}, {self.status()}, untrue: {self.wrong[:3]}"

    def verdict(self):
        """What the matrix says of a fault that was survived: the states that books had meanwhile."""
        assert not self.wrong, self.wrong[:5]
        for server in self.servers.values():
            assert not server.violations, server.violations
        return ", ".join(self.seen) or "live"


def remember_served_snapshots(server):
    """A snapshot by REST may stand amid a change: it is true, too."""
    served = getattr(server, "snapshot_book", None)
    if served is None:
        return

    def remembered(symbol):
        book = served(symbol)
        server.history[symbol][book.sequence] = book.levels()
        return book

    server.snapshot_book = remembered


def exact(sides):
    return [[(Decimal(price), Decimal(quantity)) for price, quantity in side] for side in sides]


def shown(level):
    return f"{level[0]:f} x {level[1]:f}"
