"""The feed engine: every exchange behind one port, none able to harm another."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from twap.plugins.transport.aiohttp_transport import AiohttpTransport
from twap.plugins.transport.candles import CandleHistory
from twap.plugins.transport.feed import ExchangeFeed
from twap.plugins.transport.instruments import Catalog
from twap.plugins.transport.limiter import Limiter
from twap.plugins.transport.rest import RestClient
from twap.plugins.transport.venue import Timing, Venue
from twap.plugins.transport.waiting import Jobs
from twap.ports.clock import Clock
from twap.ports.errors import ExchangeUnavailable, UnknownExchange
from twap.ports.exchange import Endpoints, Exchange
from twap.ports.feed import BookSink, FeedStatus
from twap.ports.ids import Ids
from twap.ports.market import BookState, Candle, Instrument
from twap.ports.transport import Transport

SAMPLE_SECONDS = 1.0


class _Desk:
    """What the engine keeps of one exchange."""

    def __init__(self, venue: Venue, sink: BookSink) -> None:
        self.venue = venue
        self.catalog = Catalog(venue)
        self.history = CandleHistory(venue)
        self.feed = ExchangeFeed(venue, sink)


class FeedEngine:
    """Implements twap.ports.feed.MarketFeed.

    endpoints  other schemes, hosts and ports, by exchange name in any case
    transport  of exchanges that bring none; by default one AiohttpTransport for all of them
    failures   exchanges whose plugin could not be loaded, with the reason: they are listed as DOWN
    timing     how long things are waited for
    """

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        sink: BookSink,
        clock: Clock,
        ids: Ids,
        *,
        endpoints: Mapping[str, Endpoints] | None = None,
        transport: Transport | None = None,
        failures: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._clock, self._ids, self._sink = clock, ids, sink
        self._timing = timing or Timing()
        self._transport = transport or AiohttpTransport()
        self._jobs = Jobs()
        self._failures = dict(failures or {})
        self._desks: dict[str, _Desk] = {}
        elsewhere = {name.casefold(): place for name, place in (endpoints or {}).items()}
        for name, exchange in exchanges.items():
            try:
                self._desks[name] = _Desk(self._venue(name, exchange, elsewhere.get(name.casefold())), sink)
            except Exception as error:  # noqa: BLE001 a third party's code
                self._failures[name] = f"a fault in its plugin: {type(error).__name__}: {error}"
        self._spelling = {name.casefold(): name for name in (*self._failures, *self._desks)}

    def _venue(self, name: str, exchange: Exchange, elsewhere: Endpoints | None) -> Venue:
        clock, ids, limits = self._clock, self._ids, exchange.limits
        endpoints = elsewhere or exchange.endpoints
        transport = exchange.transport() or self._transport
        return Venue(
            exchange=exchange,
            name=name,
            rules=exchange.rules,
            limits=limits,
            endpoints=endpoints,
            transport=transport,
            clock=clock,
            ids=ids,
            timing=self._timing,
            rest=RestClient(name, endpoints.rest, transport, clock, ids, limits.rest),
            connects=Limiter(clock, *limits.connects),
            frames=None if limits.frames_together is None else Limiter(clock, *limits.frames_together),
        )

    async def start(self) -> None:
        """Connections are opened by the first `acquire`, not here."""
        self._jobs.start(self._sample(), "sample message rates")

    async def _sample(self) -> None:
        while True:
            now = self._clock.monotonic()
            for desk in self._desks.values():
                desk.venue.counters.sample(now)
            await self._clock.sleep(SAMPLE_SECONDS)

    async def close(self) -> None:
        """Ends every feed and closes every transport within some seconds, whatever hangs."""
        bound = self._timing.closing
        jobs = [self._jobs, *(desk.venue.jobs for desk in self._desks.values())]
        await asyncio.gather(*(some.close(bound) for some in jobs))
        transports = {id(t): t for t in (self._transport, *(d.venue.transport for d in self._desks.values()))}
        closing = [asyncio.ensure_future(transport.close()) for transport in transports.values()]
        done, stuck = await asyncio.wait(closing, timeout=bound)
        for task in stuck:
            task.cancel()
        for task in done:
            if (error := task.exception()) is not None:
                structlog.get_logger().error("a transport failed to close", error=repr(error))

    # -- MarketFeed

    def exchanges(self) -> Sequence[str]:
        return sorted(self._spelling.values())

    def name_of(self, exchange: str) -> str:
        try:
            return self._spelling[exchange.casefold()]
        except KeyError:
            raise UnknownExchange(exchange, self._spelling.values()) from None

    def _desk(self, exchange: str) -> _Desk:
        name = self.name_of(exchange)
        if name not in self._desks:
            raise ExchangeUnavailable(name, self._failures[name], retry_after_seconds=60)
        return self._desks[name]

    async def instruments(self, exchange: str) -> Mapping[str, Instrument]:
        return await self._desk(exchange).catalog.all()

    async def instrument(self, exchange: str, symbol: str) -> Instrument:
        return await self._desk(exchange).catalog.one(symbol)

    def intervals(self, exchange: str) -> Sequence[str]:
        return tuple(self._desk(exchange).venue.exchange.intervals)

    async def candles(
        self, exchange: str, symbol: str, interval: str, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        desk = self._desk(exchange)
        desk.history.span(interval)  # a wrong interval is refused even where the exchange is away
        instrument = await desk.catalog.one(symbol)
        return await desk.history.between(instrument, interval, start, end)

    def acquire(self, instrument: Instrument) -> None:
        self._desk(instrument.exchange).feed.acquire(instrument)

    def release(self, instrument: Instrument) -> None:
        self._desk(instrument.exchange).feed.release(instrument)

    def status(self) -> Sequence[FeedStatus]:
        """By name."""
        return [
            self._desks[name].feed.status() if name in self._desks else self._failed(name)
            for name in self.exchanges()
        ]

    def _failed(self, name: str) -> FeedStatus:
        return FeedStatus(name, BookState.DOWN, self._failures[name], 0, 0, None, 0, 0.0, 0, 0, 0, 0, 0, 0)
