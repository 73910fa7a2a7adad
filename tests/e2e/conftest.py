"""A market, a server on it and a client: all real processes, ended with the test."""

import contextlib
import json

import aiohttp
import pytest

from tests.e2e.api import Api
from tests.e2e.audit import FEES
from tests.e2e.processes import Server, StandIn

HERE = "tests/e2e/"


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.nodeid:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
async def http():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        yield session


@pytest.fixture
async def started():
    """Register a process to be ended with the test, however that ends."""
    async with contextlib.AsyncExitStack() as stack:

        def register(process):
            stack.push_async_callback(process.stop)
            return process

        yield register


@pytest.fixture
def stand_in(http, started):
    """Start a stand-in: `await stand_in("Binance", "--synthetic", "BTCUSDT", "--rate", "20")`."""

    async def start(name, *arguments):
        return await started(StandIn(http, name, *arguments)).start()

    return start


@pytest.fixture
def serve(http, started, tmp_path):
    """Start a server on these stand-ins, and log a client in: `server, api = await serve(binance)`."""

    async def start(*stand_ins, **settings):
        fees = json.dumps({name: str(fee) for name, fee in FEES.items()})
        server = started(Server(http, tmp_path, stand_ins, TWAP_FEES=fees, **settings))
        await server.start()
        api = Api(http, server.url)
        await api.join()
        return server, api

    return start
