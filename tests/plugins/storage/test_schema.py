"""The schema: migrations from every released one, columns as the models say, queries by index."""

import itertools
import re
import sqlite3
from decimal import Decimal as D

import msgspec
import pytest

from tests.fakes.orders import NOON, advanced, make_order, make_slice, record
from tests.plugins.storage.conftest import opened, postgres_url
from twap.plugins.storage.address import parse_address
from twap.plugins.storage.migrating import bring_up
from twap.plugins.storage.migrations import MIGRATIONS, Migration, m0001_first
from twap.plugins.storage.models import Tables
from twap.plugins.storage.orders import page_statement
from twap.plugins.storage.sqlite import SqliteDatabase
from twap.ports.errors import StorageError
from twap.ports.order import Side
from twap.ports.store import PageKey, Recorded, Step

JOURNAL = (
    "CREATE TABLE twap_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
    " applied_at TEXT NOT NULL)",
    "INSERT INTO twap_migrations VALUES (1, 'first', '2025-02-01T12:00:00+00:00')",
)
TICKET = (
    '{"symbol":"BTCUSDT","side":"buy","quantity":"1.5","limit_price":"101000","duration":"PT60S",'
    '"exchanges":["Binance"]}'
)
OLD_ORDER = (
    "INSERT INTO orders (id, user_id, symbol, created_at, starts_at, lot_size, slices_total, ticket,"
    " terms, warnings, status, revision, slices_done, executed, notional, fees, lots_count, taken)"
    " VALUES ('1', 'user-1', 'BTCUSDT', 1738411200000000, 1738411200000000, '0.00001', 60, ?, '[]',"
    " '[]', 'pending', 0, 0, '0', '0', '0', 0, '[]')"
)
OLD_SLICE = (
    "INSERT INTO slices (order_id, number, due_at, looked_at, planned, target, filled, venues)"
    " VALUES ('1', ?, 1738411201000000, 1738411201001234, '0.1', '0.1', ?, ?)"
)
OLD_EXECUTION = (
    "INSERT INTO executions VALUES ('1-2-1', '1', 2, 0, 'BTCUSDT', 'buy', '0.1', '101', '0.0101',"
    " 'Binance', 1738411201001234, 7, NULL, 40)"
)


def old_look():
    """As the first release packed it: what was taken stands with the levels, deeper ones behind them."""
    levels = [[f"{101 + n}", "2", "0.5" if n == 1 else "0"] for n in range(10)]
    look = ["Binance", "live", 7, None, 40, "99", True, "0", [*levels, ["140", "1", "0.4"]], None]
    return msgspec.msgpack.encode([look])


def old_rows():
    """Statements with their values: an order with a slice that was late and one that looked and filled."""
    yield OLD_ORDER, [TICKET]
    yield OLD_SLICE, [1, "0", b"\x90"]
    yield OLD_SLICE, [2, "0.1", old_look()]
    yield OLD_EXECUTION, []


def first_schema(path):
    """A database as the first release left it."""
    with sqlite3.connect(path) as connection:
        for statement in (*m0001_first.SQLITE, *JOURNAL):
            connection.execute(statement)
        for statement, values in old_rows():
            connection.execute(statement, values)
    connection.close()


async def first_schema_on_postgres(url):
    import asyncpg

    base, _, schema = url.partition("?schema=")
    connection = await asyncpg.connect(base, server_settings={"search_path": schema})
    for statement in (*m0001_first.POSTGRES, *JOURNAL):
        await connection.execute(statement)
    for statement, values in old_rows():
        numbers = itertools.count(1)
        await connection.execute(re.sub(r"\?", lambda _, n=numbers: f"${next(n)}", statement), *values)
    await connection.close()


async def check_old_rows(storage):
    assert await storage.orders.get("1") == make_order(id="1", exchanges=("Binance",), terms=())
    late, piece = await storage.orders.slices("1")
    assert (late.number, late.venues, late.executions, late.intact) == (1, (), (), True)
    assert [str(level.price) for level in piece.venues[0].levels] == [str(101 + n) for n in range(10)]
    assert piece.taken == {("Binance", D(102)): D("0.5"), ("Binance", D(140)): D("0.4")}
    assert piece.deeper == {("Binance", D(140)): D(1)}
    assert [(fill.id, fill.price, fill.side) for fill in piece.executions] == [("1-2-1", D(101), Side.BUY)]
    assert piece.executions[0].timestamp == piece.looked_at
    assert piece.intact
    assert await storage.orders.executions("1") == list(piece.executions)


async def check_goes_on(storage):
    """New rows find their place behind the old ones."""
    [claimed] = await storage.orders.claim("me", now=NOON, lease_seconds=30, limit=1)
    after = advanced(claimed.order)
    step = Step(after, claimed.fence, (make_slice(after, 3),))
    assert await record(storage.orders, [step]) == [Recorded.STORED]
    assert [piece.number for piece in await storage.orders.slices("1")] == [1, 2, 3]
    assert await storage.orders.slice("1", 3) == (step.slices[0], D("0.1"))


async def test_migrate_when_schema_is_the_first_then_its_orders_are_read_and_go_on(sqlite_url, tmp_path):
    first_schema(tmp_path / "twap.sqlite3")
    async with opened(sqlite_url) as storage:
        await check_old_rows(storage)
        await check_goes_on(storage)
    with sqlite3.connect(tmp_path / "twap.sqlite3") as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


async def test_migrate_when_schema_is_the_first_on_postgres_then_its_orders_are_read_and_go_on():
    async with postgres_url() as url:
        await first_schema_on_postgres(url)
        async with opened(url) as storage:
            await check_old_rows(storage)
            await check_goes_on(storage)


async def test_migrate_when_a_migration_fails_then_the_schema_stays(sqlite_url, tmp_path):
    broken = ("ALTER TABLE orders ADD COLUMN extra TEXT", "CREATE TABLE orders (id TEXT)")
    later = Migration(len(MIGRATIONS) + 1, "broken", broken, broken)
    first_schema(tmp_path / "twap.sqlite3")
    database = SqliteDatabase(parse_address(sqlite_url))
    await database.connect()
    try:
        with pytest.raises(StorageError):
            await bring_up(database, migrate=True, migrations=[*MIGRATIONS, later])
        await bring_up(database, migrate=True)
        async with database.reading() as session:
            names = [row["name"] for row in await session.execute_query_dict("PRAGMA table_info(orders)")]
    finally:
        await database.close()
    assert "extra" not in names


async def test_migrations_when_listed_then_numbered_from_one():
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def fields_of(model):
    return set(model._meta.fields_map) - {"pk"}


async def test_tables_when_migrated_then_columns_are_the_models(sqlite, tmp_path):
    connection = sqlite3.connect(tmp_path / "twap.sqlite3")
    tables = Tables.fresh()
    for name in tables.__dataclass_fields__:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        assert columns == fields_of(getattr(tables, name)), name
    connection.close()


async def test_tables_when_migrated_on_postgres_then_columns_are_the_models():
    import asyncpg

    async with postgres_url() as url, opened(url):
        base, _, schema = url.partition("?schema=")
        connection = await asyncpg.connect(base)
        tables = Tables.fresh()
        for name in tables.__dataclass_fields__:
            rows = await connection.fetch(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = $1 AND table_name = $2",
                schema,
                name,
            )
            assert {row[0] for row in rows} == fields_of(getattr(tables, name)), name
        await connection.close()


@pytest.mark.parametrize("symbol", [None, "BTCUSDT"], ids=["all", "symbol"])
async def test_page_when_planned_then_by_index_without_sorting(sqlite, tmp_path, symbol):
    query, values = page_statement("user-1", 5, PageKey(NOON, "1"), None, symbol)
    connection = sqlite3.connect(tmp_path / "twap.sqlite3")
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values))
    connection.close()
    assert "USING INDEX orders_newest" in plan
    assert "created_at<" in plan
    assert "TEMP B-TREE" not in plan
