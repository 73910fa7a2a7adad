"""The schema: migrations from every released one, columns as the models say, queries by index."""

import sqlite3
from decimal import Decimal as D

import msgspec
import pytest

from tests.fakes.orders import NOON, make_order
from tests.plugins.storage.conftest import opened, postgres_url
from twap.plugins.storage.address import parse_address
from twap.plugins.storage.migrating import bring_up
from twap.plugins.storage.migrations import MIGRATIONS, Migration, m0001_first
from twap.plugins.storage.models import Tables
from twap.plugins.storage.orders import page_statement
from twap.plugins.storage.sqlite import SqliteDatabase
from twap.ports.errors import StorageError
from twap.ports.store import PageKey


def first_schema(path):
    """A database as the first release left it, with an order."""
    with sqlite3.connect(path) as connection:
        for statement in m0001_first.SQLITE:
            connection.execute(statement)
        connection.execute(
            "CREATE TABLE twap_migrations"
            " (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
        )
        connection.execute("INSERT INTO twap_migrations VALUES (1, 'first', '2025-02-01T12:00:00+00:00')")
        ticket = (
            '{"symbol":"BTCUSDT","side":"buy","quantity":"1.5","limit_price":"101000","duration":"PT60S",'
            '"exchanges":["Binance"]}'
        )
        connection.execute(
            "INSERT INTO orders (id, user_id, symbol, created_at, starts_at, lot_size, slices_total, ticket,"
            " terms, warnings, status, revision, slices_done, executed, notional, fees, lots_count, taken)"
            " VALUES ('1', 'user-1', 'BTCUSDT', 1738411200000000, 1738411200000000, '0.00001', 60, ?, '[]',"
            " '[]', 'pending', 0, 0, '0', '0', '0', 0, '[]')",
            [ticket],
        )
    connection.close()


async def test_migrate_when_schema_is_the_first_then_its_orders_are_read(sqlite_url, tmp_path):
    first_schema(tmp_path / "twap.sqlite3")
    async with opened(sqlite_url) as storage:
        expected = make_order(id="1", exchanges=("Binance",), terms=())
        assert await storage.orders.get("1") == expected


def old_slice(path):
    """As the first release stored it: what was taken stands with the levels, deeper ones behind them."""
    levels = [[f"{101 + n}", "2", "0.5" if n == 1 else "0"] for n in range(10)]
    look = ["Binance", "live", 7, None, 40, "99", True, "0", [*levels, ["140", "1", "0.4"]], None]
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO slices (order_id, number, due_at, looked_at, planned, target, filled, venues)"
            " VALUES ('1', 1, 1738411201000000, 1738411201001234, '0.1', '0.1', '0.1', ?)",
            [msgspec.msgpack.encode([look])],
        )
        connection.execute(
            "INSERT INTO executions VALUES ('1-1-1', '1', 1, 0, 'BTCUSDT', 'buy', '0.1', '101', '0.0101',"
            " 'Binance', 1738411201001234, 7, NULL, 40)"
        )
    connection.close()


async def test_migrate_when_slices_are_of_the_first_schema_then_they_are_read(sqlite_url, tmp_path):
    first_schema(tmp_path / "twap.sqlite3")
    old_slice(tmp_path / "twap.sqlite3")
    async with opened(sqlite_url) as storage:
        [piece] = await storage.orders.slices("1")
    assert [str(level.price) for level in piece.venues[0].levels] == [str(101 + n) for n in range(10)]
    assert piece.taken == {("Binance", D(102)): D("0.5"), ("Binance", D(140)): D("0.4")}
    assert piece.deeper == {("Binance", D(140)): D(1)}
    assert [(fill.id, fill.price) for fill in piece.executions] == [("1-1-1", D(101))]
    assert piece.intact


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
