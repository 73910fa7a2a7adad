"""The storages that the suite runs on."""

import os
import uuid
from contextlib import asynccontextmanager

import pytest

from tests.fakes.memory_store import MemoryStorage
from twap.plugins.storage import TortoiseStorage

POSTGRES = os.environ.get("TWAP_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test")


@asynccontextmanager
async def postgres_url():
    """A URL with a schema of its own, which is dropped at the end."""
    asyncpg = pytest.importorskip("asyncpg")
    schema = f"twap_{uuid.uuid4().hex}"
    try:
        connection = await asyncpg.connect(POSTGRES, timeout=3)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL answers at TWAP_TEST_POSTGRES_URL: {type(error).__name__}")
    try:
        await connection.execute(f'CREATE SCHEMA "{schema}"')
        yield f"{POSTGRES}?schema={schema}"
    finally:
        await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        await connection.close()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/twap.sqlite3"


@asynccontextmanager
async def opened(url, *, migrate=True):
    storage = TortoiseStorage(url)
    await storage.open(migrate=migrate)
    try:
        yield storage
    finally:
        await storage.close()


@pytest.fixture
async def sqlite(sqlite_url):
    async with opened(sqlite_url) as storage:
        yield storage


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def storage(request, sqlite_url):
    if request.param == "memory":
        yield MemoryStorage()
    elif request.param == "sqlite":
        async with opened(sqlite_url) as storage:
            yield storage
    else:
        async with postgres_url() as url, opened(url) as storage:
            yield storage
