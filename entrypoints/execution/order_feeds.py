"""Keeps the books of running orders fed: one subscription per order and exchange, retried while it fails."""

import asyncio

import structlog

from twap.domain.market import Market
from twap.ports.clock import Clock
from twap.ports.errors import TwapError
from twap.ports.feed import MarketFeed
from twap.ports.market import Instrument
from twap.ports.order import Order

FIRST_RETRY_SECONDS = 2.0
LAST_RETRY_SECONDS = 60.0


class OrderFeeds:
    """Counts what orders need and acquires it in one task, since an exchange may be slow to answer."""

    def __init__(self, feed: MarketFeed, market: Market, clock: Clock) -> None:
        self._feed = feed
        self._market = market
        self._clock = clock
        self._wanted: dict[tuple[str, str], int] = {}
        self._acquired: dict[tuple[str, str], Instrument] = {}
        self._changed = asyncio.Event()
        self._log = structlog.get_logger("twap.executor")

    def acquire(self, order: Order) -> None:
        for exchange in order.ticket.exchanges:
            key = (exchange, order.ticket.symbol)
            self._wanted[key] = self._wanted.get(key, 0) + 1
        self._changed.set()

    def release(self, order: Order) -> None:
        for exchange in order.ticket.exchanges:
            key = (exchange, order.ticket.symbol)
            self._wanted[key] -= 1
            if not self._wanted[key]:
                del self._wanted[key]
                self._market.found(*key)
                instrument = self._acquired.pop(key, None)
                if instrument is not None:
                    self._feed.release(instrument)

    async def run(self) -> None:
        """Until cancelled. An exchange that fails is tried again, ever more seldom, and delays no other."""
        async with asyncio.TaskGroup() as group:
            under_way: set[tuple[str, str]] = set()
            while True:
                for key in self._wanted.keys() - self._acquired.keys() - under_way:
                    under_way.add(key)
                    group.create_task(self._acquire(key, under_way))
                self._changed.clear()
                await self._changed.wait()

    async def _acquire(self, key: tuple[str, str], under_way: set[tuple[str, str]]) -> None:
        exchange, symbol = key
        retry, logged = FIRST_RETRY_SECONDS, ""
        try:
            while key in self._wanted and key not in self._acquired:
                try:
                    instrument = await self._feed.instrument(exchange, symbol)
                except TwapError as error:
                    if logged != str(error):
                        logged = str(error)
                        self._log.warning("feed_missing", exchange=exchange, symbol=symbol, reason=logged)
                    self._market.missing(exchange, symbol, logged)
                    await self._clock.sleep(retry)
                    retry = min(2 * retry, LAST_RETRY_SECONDS)
                    continue
                if key in self._wanted:
                    self._feed.acquire(instrument)
                    self._acquired[key] = instrument
        finally:
            under_way.discard(key)
            self._changed.set()
