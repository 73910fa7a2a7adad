"""The executor with fakes around it."""

import asyncio
from datetime import timedelta
from decimal import Decimal as D

from tests.fakes.books import FakeBooks
from tests.fakes.clock import ManualClock, settle
from tests.fakes.feed import FakeFeed, instrument
from tests.fakes.memory_store import MemoryStorage
from tests.fakes.orders import NOON, make_order, make_terms, make_ticket
from twap.domain.market import Market
from twap.entrypoints.execution.executor import Executor
from twap.entrypoints.execution.order_feeds import OrderFeeds
from twap.entrypoints.execution.shared_memory import SharedMemory
from twap.entrypoints.execution.stats import ExecutionStats
from twap.plugins.bus.in_process import InProcessBus
from twap.ports.order import Progress


class Floor:
    """An executor with fakes around it."""

    def __init__(self, owner="one", storage=None, clock=None, *, shares=False):
        self.clock = clock or ManualClock(NOON)
        self.orders = (storage or MemoryStorage()).orders
        self.books = FakeBooks()
        self.books.show("Binance", bids={"99": "5"}, asks={"101": "50"})
        self.bus = InProcessBus()
        self.feed = FakeFeed({"Binance": [instrument()]})
        self.order_feeds = OrderFeeds(self.feed, Market(self.clock), self.clock)
        self.executor = Executor(
            owner=owner,
            market=self.books,
            feeds=self.order_feeds,
            orders=self.orders,
            bus=self.bus,
            clock=self.clock,
            stats=ExecutionStats(),
            shared=SharedMemory(shares=shares),
        )
        self._tasks = []

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(self.executor.run()), asyncio.create_task(self.order_feeds.run())]
        await settle()
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add(self, slices=3, quantity="3", interval=1, **changes):
        order = make_order(
            ticket=make_ticket(
                quantity=D(quantity),
                limit_price=D(110),
                duration=timedelta(seconds=slices * interval),
                interval=timedelta(seconds=interval),
                exchanges=("Binance",),
            ),
            terms=(make_terms("Binance", min_quantity=D(0), min_notional=D(0)),),
            lot_size=D("0.1"),
            created_at=self.clock.now(),
            starts_at=self.clock.now(),
            slices_total=slices,
            progress=Progress(),
            **changes,
        )
        stored = await self.orders.add(order)
        self.executor.wake()
        return stored

    async def get(self, order):
        return await self.orders.get(order.id)

    async def slices(self, order):
        return [one for one in await self.orders.slices(order.id) if one.number]
