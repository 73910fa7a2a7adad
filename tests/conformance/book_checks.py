"""Checks of many books at once, and of exchanges beside each other."""

import math

from tests.conformance.stage import Stage
from tests.fakes.exchanges.market import Change
from twap.ports.market import BookState, canonical_symbol


async def check_instruments(exchange, stand_in):
    """What the exchange trades can be traded: sizes above zero, no symbol twice, names that come back."""
    async with Stage(exchange, stand_in) as stage:
        instruments = await stage.engine.instruments(stage.name)
        natives = [each.native for each in instruments.values()]
        assert set(stand_in.market.symbols) <= set(natives)
        assert len(set(natives)) == len(natives)
        for symbol, each in instruments.items():
            assert each.symbol == symbol == canonical_symbol(each.base + each.quote)
            assert each.exchange == exchange.name
            assert each.tick_size > 0
            assert each.lot_size > 0
            assert each.min_quantity >= 0
            assert each.min_notional >= 0
            assert await stage.engine.instrument(stage.name.lower(), each.native) == each
        assert not any(each.base == "OLD" for each in instruments.values()), "not tradable any more"
        stage.verdict()


async def check_deep_book(exchange, stand_in, window=None):
    """A book deeper than the exchange shows (`window` levels a side): what is known of it is true, while the
    market moves and levels come into view and go. One that was seeded with a part is refilled."""
    async with Stage(exchange, stand_in, window=window) as stage:
        await stage.follow(1)
        for _ in range(10):
            await stage.step(5)
            await stage.true()
        assert stage.status().reconnects == stage.status().gaps == stage.status().checksum_failures == 0
        stage.verdict()


async def check_refill(exchange, stand_in):
    """The market leaves the levels that a book was seeded with: it asks for others before none are left."""
    async with Stage(exchange, stand_in) as stage:
        await stage.follow(1)
        stage.seen.clear()
        book, symbol = stand_in.market.books[stage.symbol], stage.symbol
        many = exchange.rules.seed_depth // 12
        for _ in range(12):
            best = [book.asks[price][0] for price in sorted(book.asks)[:many]]
            first = book.sequence + 1
            change = Change(symbol, first, first + many - 1, asks=dict.fromkeys(best, "0"))
            book.apply(change)
            stand_in.remember(symbol)
            stand_in.publish(change)
            await stand_in.flush()
            await stage.true()
        assert stage.counters().refills >= 1
        assert stage.verdict() == "live"


async def check_many_symbols(exchange, stand_in):
    """All symbols of the stand-in over as few sockets as the limits allow; each ends when nobody uses it."""
    symbols, most = len(stand_in.market.symbols), 8
    async with Stage(exchange, stand_in, symbols_per_connection=most, symbols_per_frame=5) as stage:
        await stage.follow(symbols)
        await stage.step(2 * symbols)
        await stage.true()
        assert len(stand_in.connections) == stage.status().connections == math.ceil(symbols / most)
        assert stage.status().feeds == symbols
        await ends_after_linger(stage, stage.instruments[5:])
        await ends_after_linger(stage, stage.instruments[:])
        await stage.until(lambda: not stand_in.connections, "no connection is left")
        await stage.follow(symbols)
        assert stage.status().reconnects == 0
        stage.verdict()


async def ends_after_linger(stage, instruments):
    """Who comes back in time finds the book as it was; else the exchange is told to end it."""
    accepted = stage.server.accepted
    for instrument in instruments:
        stage.engine.release(instrument)
    for instrument in instruments:
        stage.engine.acquire(instrument)
    await stage.true()
    assert stage.server.accepted == accepted
    for instrument in instruments:
        stage.engine.release(instrument)
        stage.instruments.remove(instrument)
    left = {each.native for each in stage.instruments}

    def subscribed():
        return {symbol for connection in stage.server.connections for symbol in connection.subscriptions}

    await stage.until(lambda: subscribed() == left, f"subscriptions to {left} alone")


async def check_neighbours(exchange, stand_in):
    """One book is mended; the others go on, change by change. Where a loss is known of a connection alone,
    that is true of books on other connections."""
    by_connection = not exchange.rules.contiguous and exchange.rules.checksum is None
    limits = {"symbols_per_connection": 1} if by_connection else {}
    async with Stage(exchange, stand_in, **limits) as stage:
        await stage.follow(3)
        await stage.step(6)
        await stage.true()
        stage.seen.clear()
        applied = [stage.counters(number).applied for number in (1, 2)]
        # A heartbeat may tell of the first loss: more of them would meet the new connection.
        stage.server.fault("skip", symbol=stage.symbol, count=1 if by_connection else 3)
        for _ in range(10):
            for symbol in stand_in.market.symbols[:3]:
                await stage.step(1, symbol)
                states = [stage.source(number).state for number in (1, 2)]
                assert states == [BookState.LIVE] * 2, stage.reasons
        await stage.heal()
        assert stage.seen, "the first book was never in doubt"
        for number, before in zip((1, 2), applied, strict=True):
            assert stage.counters(number).applied >= before + 10
            assert stage.counters(number).gaps == stage.counters(number).checksum_failures == 0
        assert stage.status().reconnects == (1 if by_connection else 0)
        stage.verdict()


async def check_beside_another(exchange, stand_in, other, other_stand_in):
    """Another exchange goes down and comes back; this one's books go on."""
    async with Stage(exchange, stand_in, (other, other_stand_in)) as stage:
        await stage.follow(2)
        await stage.follow(1, other.name)
        await other_stand_in.stop()
        await stage.until(lambda: stage.status(other.name).state is BookState.DOWN, f"{other.name} is down")
        for symbol in stand_in.market.symbols[:2] * 5:
            await stage.step(1, symbol)
            await stage.true(exchange.name)
            assert stage.source().state is BookState.LIVE
        assert stage.status().state is BookState.LIVE
        assert stage.status().reconnects == 0
        await other_stand_in.start()
        await stage.true()
        stage.verdict()
