"""What a database URL may be, and what is said where the database can't be used."""

import asyncio
import contextvars
import sqlite3
import threading

import pytest

from tests.fakes.orders import make_order, make_user
from tests.plugins.storage.conftest import opened, postgres_url
from twap.plugins.storage import TortoiseStorage
from twap.plugins.storage.address import PostgresAddress, SqliteAddress, parse_address
from twap.ports.errors import StorageError, WrongSetting


def test_address_when_url_is_right_then_read():
    assert parse_address("sqlite:///data/a.sqlite3") == SqliteAddress("data/a.sqlite3")
    assert parse_address("sqlite:////data/a%20b.sqlite3") == SqliteAddress("/data/a b.sqlite3")
    assert parse_address("sqlite://:memory:") == SqliteAddress(":memory:")
    assert parse_address("postgres://ada:p%40ss@db:6000/twap?schema=s&sslmode=require") == PostgresAddress(
        "db", 6000, "twap", "ada", "p@ss", "s", "require"
    )
    assert parse_address("postgresql:///twap") == PostgresAddress("127.0.0.1", 5432, "twap", None, None)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "twap.sqlite3",
        "sqlite://",
        "sqlite:///",
        "sqlite://data/a.sqlite3",
        "mysql://ada:secret@db/twap",
        "postgres://ada:secret@db",
        "postgres://ada:secret@db:port/twap",
        "postgres://ada:secret@db/twap?mode=1",
    ],
)
def test_address_when_url_is_wrong_then_named_without_the_password(url):
    with pytest.raises(WrongSetting, match=r"^TWAP_DATABASE_URL: ") as error:
        TortoiseStorage(url)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_address_when_shown_then_without_the_password():
    address = parse_address("postgres://ada:secret@db/twap")
    assert "secret" not in f"{address} {address!r}"


async def refused(url, *, migrate=True):
    storage = TortoiseStorage(url)
    with pytest.raises(WrongSetting, match=r"^TWAP_DATABASE_URL: ") as error:
        await storage.open(migrate=migrate)
    assert not await storage.ready()
    assert "\n" not in str(error.value)
    return str(error.value)


async def test_open_when_path_is_a_folder_then_said(tmp_path):
    assert "is a folder" in await refused(f"sqlite:///{tmp_path}")


async def test_open_when_the_file_can_not_be_made_then_said_and_no_thread_is_left():
    before = threading.enumerate()
    assert "unable to open" in await refused("sqlite:////proc/twap.sqlite3")
    left = [each for each in threading.enumerate() if each not in before]
    assert [each.name for each in left if not each.name.startswith("asyncio_")] == []


async def test_open_when_folder_is_made_then_for_its_owner_alone(tmp_path):
    async with opened(f"sqlite:///{tmp_path}/own/twap.sqlite3"):
        assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in (tmp_path / "own").iterdir()} == {0o600}


async def test_open_when_path_leads_through_a_file_then_said(tmp_path):
    (tmp_path / "file").write_text("")
    assert "can't be made" in await refused(f"sqlite:///{tmp_path}/file/twap.sqlite3")


async def test_open_when_file_is_no_database_then_said(tmp_path):
    (tmp_path / "twap.sqlite3").write_text("a letter to a friend" * 100)
    assert "file is not a database" in await refused(f"sqlite:///{tmp_path}/twap.sqlite3")


async def test_open_when_file_is_read_only_then_said(tmp_path):
    path = tmp_path / "twap.sqlite3"
    async with opened(f"sqlite:///{path}"):
        pass
    path.chmod(0o400)
    try:
        with path.open("ab"):
            pytest.skip("this user may write to read-only files")
    except PermissionError:
        assert "readonly" in await refused(f"sqlite:///{path}")


async def test_open_when_postgres_is_away_then_said_without_the_password():
    pytest.importorskip("asyncpg")
    text = await refused("postgres://ada:secret@127.0.0.1:1/twap")
    assert "127.0.0.1:1/twap" in text
    assert "secret" not in text


async def test_open_when_schema_is_missing_then_migrate_is_named(sqlite_url):
    assert "twap migrate" in await refused(sqlite_url, migrate=False)


async def test_open_when_schema_is_newer_then_said(sqlite_url, tmp_path):
    async with opened(sqlite_url):
        pass
    with sqlite3.connect(tmp_path / "twap.sqlite3") as connection:
        connection.execute("INSERT INTO twap_migrations VALUES (99, 'later', '')")
    connection.close()
    for migrate in (True, False):
        assert "newer" in await refused(sqlite_url, migrate=migrate)


async def test_open_when_migrated_before_then_data_is_there(sqlite_url):
    order = make_order()
    async with opened(sqlite_url) as storage:
        await storage.orders.add(order)
    async with opened(sqlite_url, migrate=False) as storage:
        assert await storage.orders.get(order.id) == order
        assert await storage.ready()


async def test_storage_when_closed_then_not_ready_and_refuses(sqlite_url):
    storage = TortoiseStorage(sqlite_url)
    assert not await storage.ready()
    await storage.open(migrate=True)
    await storage.close()
    await storage.close()
    assert not await storage.ready()
    with pytest.raises(StorageError):
        await storage.orders.get("1")


async def test_storages_when_two_are_open_then_they_do_not_see_each_other(tmp_path):
    order = make_order()
    async with opened(f"sqlite:///{tmp_path}/a") as one, opened("sqlite://:memory:") as two:
        await asyncio.gather(one.orders.add(order), two.users.add(make_user()))
        assert await two.orders.get(order.id) is None
        assert await one.users.all() == []
        assert await one.orders.get(order.id) == order


async def test_storages_when_of_two_kinds_then_each_speaks_its_own_sql(sqlite_url):
    async with postgres_url() as url, opened(sqlite_url) as one, opened(url) as two:
        for storage in (one, two, one):
            user = make_user()
            await storage.users.add(user)
            await storage.users.set_password(user.id, "new")
            assert (await storage.users.by_key("ada")).password_hash == "new"
            await storage.users.delete(user.id)


async def test_storage_when_used_by_a_task_of_another_context_then_works(sqlite):
    ada = make_user()
    await sqlite.users.add(ada)
    task = asyncio.create_task(sqlite.users.get(ada.id), context=contextvars.Context())
    assert await task == ada


async def test_open_when_two_migrate_at_once_then_both_are_open(sqlite_url):
    async with opened(sqlite_url) as _:
        pass
    storages = [TortoiseStorage(sqlite_url) for _ in range(3)]
    await asyncio.gather(*(storage.open(migrate=True) for storage in storages))
    assert [await storage.ready() for storage in storages] == [True] * 3
    for storage in storages:
        await storage.close()
