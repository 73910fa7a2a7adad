"""Orders: the slices of thousands that are due in the same second, computed, explained and stored."""

import asyncio
import tempfile
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

import uvloop

from tests.bench.report import Goal, Section
from tests.bench.row_by_row import store_row_by_row
from tests.bench.timing import percentile
from tests.bench.venues import EXCHANGES, Venues
from tests.fakes.feed import FakeFeed, instrument
from tests.fakes.orders import make_order, make_terms, make_ticket
from twap.domain.execution import advance
from twap.entrypoints.execution.executor import Executor
from twap.entrypoints.execution.order_feeds import OrderFeeds
from twap.entrypoints.execution.shared_memory import SharedMemory
from twap.entrypoints.execution.stats import ExecutionStats
from twap.entrypoints.interpreter import tune_interpreter
from twap.plugins.bus.in_process import InProcessBus
from twap.plugins.clock.system import SystemClock
from twap.plugins.storage.storage import TortoiseStorage

MANY, FEW = 5_000, 20
FEW_SECONDS = 10
ROW_BY_ROW = 300
USERS = 50
LISTING_NOISE_SECONDS = 0.0001


def run(options):
    section = Section("orders")
    section.say(
        f"{MANY:,} orders with a slice each second, all due at the same instant, for {options.seconds} s; "
        "consolidated books of four exchanges (400 levels a side, 40 changes a second), looks stored, SQLite "
        "on disk with `synchronous=FULL`."
    )
    section.goal_table(uvloop.run(_measure(options.seconds)))
    return section


async def _measure(seconds):
    tune_interpreter(MANY)  # as the server does
    with tempfile.TemporaryDirectory(prefix="twap-bench-") as folder:
        one_by_one = await row_by_row(Path(folder) / "one.sqlite3")
        many = await sustained(Path(folder) / "many.sqlite3", MANY, seconds)
        few = await sustained(Path(folder) / "few.sqlite3", FEW, FEW_SECONDS)
    early, late = many_slices()
    rate = MANY / median(many.ticks)
    third = max(len(many.ticks) // 3, 1)
    growth = median(many.ticks[-third:]) / median(many.ticks[:third])
    return [
        Goal(
            f"{MANY:,} slices, from due to stored",
            "each tick ≤ 0.5 s",
            f"median {median(many.ticks):.2f} s, longest {max(many.ticks):.2f} s "
            f"({many.cpu:.2f} s of processor time)",
            max(many.ticks) <= 0.5,
        ),
        Goal(
            "lateness of their looks, 99th percentile",
            "< 600 ms",
            f"{percentile(many.lateness, 0.99) * 1000:.0f} ms",
            percentile(many.lateness, 0.99) < 0.6,
        ),
        Goal(
            "slices missed as late, steps lost or failed",
            "none",
            f"{many.missed_late + many.steps_lost + many.steps_failed} of {many.slices:,}",
            many.slices == MANY * seconds and not many.missed_late + many.steps_lost + many.steps_failed,
        ),
        Goal(
            "rate beside one Tortoise transaction per order",
            "≥ 10 × (stretch 30 ×)",
            f"{rate:,.0f} to {one_by_one:,.0f} slices/s: {rate / one_by_one:.0f} ×",
            rate >= 10 * one_by_one,
        ),
        Goal(
            "the event loop, kept busy at a stretch",
            "≤ 50 ms",
            f"longest {max(many.blocks) * 1000:.0f} ms, 99.9th percentile "
            f"{percentile(many.blocks, 0.999) * 1000:.0f} ms",
            max(many.blocks) <= 0.05,
        ),
        Goal(
            f"{FEW} orders: lateness",
            "< 20 ms",
            f"longest {max(few.lateness) * 1000:.1f} ms, median {median(few.lateness) * 1000:.1f} ms",
            max(few.lateness) < 0.02,
        ),
        Goal(
            "a tick, last third of the run to the first",
            "independent of slices done",
            f"{growth:.2f} ×",
            growth < 1.25,
        ),
        Goal(
            "a slice of one order, numbers 9,001 to 10,000 to numbers 1 to 1,000",
            "independent of slices done",
            f"{late * 1e6:.0f} µs to {early * 1e6:.0f} µs: {late / early:.2f} ×",
            late < 1.25 * early,
        ),
        Goal(
            f"listing 50 orders, with {many.executions:,} executions stored to none",
            "independent of executions",
            f"{many.listing_after * 1e6:.0f} µs to {many.listing_before * 1e6:.0f} µs",
            many.listing_after < 1.5 * many.listing_before + LISTING_NOISE_SECONDS,
        ),
        Goal(
            "stored for each slice: look, executions, indexes",
            "",
            f"{many.bytes / many.slices:,.0f} bytes, {many.executions / many.slices:.2f} executions",
            None,
        ),
    ]


class Watch(ExecutionStats):
    """What the executor tells its statistics, in full.

    every_lateness  from due to look of every slice; done: wall time by due time, when the last was stored
    """

    def __init__(self, clock):
        super().__init__()
        self._clock = clock
        self.every_lateness, self.done = [], {}

    def stored(self, step):
        super().stored(step)
        for one in step.slices:
            if one.number:
                self.every_lateness.append(one.looked_at - one.due_at)
                self.done[one.due_at] = self._clock.monotonic()


class Measured:
    """ticks: seconds from due to stored of the last slice. blocks: of the loop.

    cpu: seconds of processor time for each second of the run."""

    def __init__(self, stats, clock):
        behind = clock.now(), clock.monotonic()
        ticks = {
            due: moment - (behind[1] - (behind[0] - due).total_seconds())
            for due, moment in stats.done.items()
        }
        self.ticks = [ticks[due] for due in sorted(ticks)]
        self.lateness = [each.total_seconds() for each in stats.every_lateness]
        self.missed_late = stats.missed["late"]
        self.steps_lost, self.steps_failed = stats.steps_lost, stats.steps_failed
        self.slices, self.executions = stats.slices, stats.executions
        self.blocks, self.bytes, self.cpu = [], 0, 0.0
        self.listing_before = self.listing_after = 0.0


async def sustained(file, count, seconds):
    """That many orders, every second, to their end."""
    async with opened(file) as storage:
        clock = SystemClock()
        venues = Venues(clock)
        stats = Watch(clock)
        executor = make_executor(storage, venues, clock, stats)
        starts_at = clock.now() + timedelta(seconds=3 + count / 400)
        for number in range(count):
            await storage.orders.add(order(number, starts_at, clock.now(), seconds))
        before = await listing_seconds(storage)
        size = file_size(file)
        jobs = [asyncio.create_task(executor.run()), asyncio.create_task(venues.churn())]
        await asyncio.sleep(max((starts_at - clock.now()).total_seconds(), 0))
        blocks, worked = [], time.process_time()
        jobs.append(asyncio.create_task(watch_loop(blocks)))
        give_up = clock.monotonic() + 1.5 * seconds + 10
        while stats.slices < count * seconds and clock.monotonic() < give_up:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.2)
        worked = time.process_time() - worked
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        measured = Measured(stats, clock)
        measured.blocks, measured.cpu = blocks, worked / seconds
        measured.bytes = file_size(file) - size
        measured.listing_before, measured.listing_after = before, await listing_seconds(storage)
        return measured


@asynccontextmanager
async def opened(file):
    storage = TortoiseStorage(f"sqlite:///{file}")
    await storage.open(migrate=True)
    try:
        yield storage
    finally:
        await storage.close()


def make_executor(storage, venues, clock, stats):
    feed = FakeFeed({name: [instrument(exchange=name)] for name in EXCHANGES})
    return Executor(
        owner="bench",
        market=venues.market,
        feeds=OrderFeeds(feed, venues.market, clock),
        orders=storage.orders,
        bus=InProcessBus(),
        clock=clock,
        stats=stats,
        shared=SharedMemory(shares=False),
    )


def order(number, starts_at, created_at, slices):
    ticket = make_ticket(
        quantity=slices * Decimal("0.1"),
        limit_price=Decimal(101_000),
        duration=timedelta(seconds=slices),
        exchanges=EXCHANGES,
    )
    return make_order(
        user_id=f"user-{number % USERS}",
        ticket=ticket,
        terms=tuple(make_terms(name) for name in EXCHANGES),
        created_at=created_at,
        starts_at=starts_at,
        slices_total=slices,
    )


async def watch_loop(blocks):
    """Processor time that the loop spent on others while a sleeper waited for its turn.

    Not the time on the wall: that is what other programs take, too."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(0.003)
        blocks.append(time.thread_time() - before)


async def listing_seconds(storage):
    samples = []
    for _ in range(30):
        began = time.perf_counter()
        await storage.orders.page("user-1", limit=50)
        samples.append(time.perf_counter() - began)
    return median(samples)


def file_size(file):
    return sum(each.stat().st_size for each in (file, Path(f"{file}-wal")) if each.exists())


async def row_by_row(file):
    """Slices a second with one Tortoise transaction per order: models, one statement per row."""
    async with opened(file) as storage:
        clock = SystemClock()
        venues = Venues(clock)
        starts_at = clock.now() - timedelta(milliseconds=1)
        orders = [order(number, starts_at, clock.now(), 60) for number in range(ROW_BY_ROW)]
        for each in orders:
            await storage.orders.add(each)
        entries = await entries_of(storage)
        began = time.perf_counter()
        for each in orders:
            step = advance(each, starts_at + timedelta(seconds=1), venues.market.at_once())
            await store_row_by_row(storage, step, entries[each.id])
        return ROW_BY_ROW / (time.perf_counter() - began)


async def entries_of(storage):
    async with storage.orders._database.reading() as session:
        return dict(await storage.orders._tables.orders.all(using_db=session).values_list("id", "entry"))


def many_slices():
    """Seconds of processor time of a slice early and late in the life of an order of 10,000."""
    clock = SystemClock()
    venues = Venues(clock)
    starts_at = clock.now()
    current = order(0, starts_at, starts_at, 10_000)
    seconds = []
    for number in range(1, 10_001):
        venues.change()
        began = time.process_time()
        current = advance(current, starts_at + timedelta(seconds=number), venues.market.at_once()).order
        seconds.append(time.process_time() - began)
    return median(seconds[:1000]), median(seconds[-1000:])
