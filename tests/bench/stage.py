"""A `twap serve` to put load on: the simulated market, real storage, a user with orders."""

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench.timing import percentile
from tests.e2e.api import Api
from tests.e2e.processes import Server

UNLIMITED = {
    "TWAP_LOGIN_ATTEMPTS_PER_ACCOUNT": "1000000",
    "TWAP_LOGIN_ATTEMPTS_PER_ADDRESS": "1000000",
}


@contextlib.asynccontextmanager
async def served(exchanges=(), **settings):
    """A running server and a logged-in client: `server, api`."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twap-bench-")))
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30))
        http = await stack.enter_async_context(session)
        server = BenchServer(http, folder, exchanges, **settings)
        stack.push_async_callback(server.stop)
        await server.start()
        api = Api(http, server.url)
        await api.join()
        yield server, api


class BenchServer(Server):
    """With the simulated market beside those exchanges."""

    def environment(self):
        given = super().environment()
        names = [name for name in given["TWAP_EXCHANGES"].split(",") if name]
        return {**given, "TWAP_EXCHANGES": ",".join(["Simulated", *names])}


async def submit(api, count, seconds, exchanges=("Simulated",), **ticket):
    """That many orders with a slice each second; their ids."""
    asked = {
        "symbol": "BTCUSDT",
        "side": "buy",
        "total_quantity": f"{seconds * 0.0001:.5f}",
        "limit_price": 1_000_000,
        "duration_seconds": seconds,
        "exchanges": list(exchanges),
        **ticket,
    }
    return [await api.submit(**asked) for _ in range(count)]


@dataclass
class Slices:
    """Of a database's orders. lateness: seconds from due to look, slice by slice."""

    lateness: list
    missed: dict

    def p99(self):
        return percentile(self.lateness, 0.99)


def slices(database):
    """All that are stored; the look at arrival is none."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as stored:
        rows = stored.execute("SELECT due_at, looked_at, reason FROM slices WHERE number > 0").fetchall()
    missed = {}
    for _, _, reason in rows:
        if reason:
            missed[reason] = missed.get(reason, 0) + 1
    return Slices([(looked - due) / 1e6 for due, looked, _ in rows], missed)


async def until_over(api, order_id, seconds):
    deadline = time.monotonic() + seconds
    while (await api.order(order_id))["status"] != "completed":
        if time.monotonic() > deadline:
            raise TimeoutError(f"order {order_id} is not over")
        await asyncio.sleep(0.5)
