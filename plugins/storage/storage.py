"""The storage of this package's public face."""

from contextlib import suppress
from pathlib import Path

from twap.plugins.storage.accounts import TortoiseTokens, TortoiseUsers
from twap.plugins.storage.address import MEMORY, PostgresAddress, SqliteAddress, parse_address, wrong_url
from twap.plugins.storage.database import Database
from twap.plugins.storage.lookups import Lookups
from twap.plugins.storage.migrating import bring_up
from twap.plugins.storage.orders import TortoiseOrders
from twap.plugins.storage.sqlite import SqliteDatabase
from twap.ports.errors import StorageError


class TortoiseStorage:
    """A `twap.ports.store.Storage` on SQLite or PostgreSQL.

    database_url  sqlite:///relative.sqlite3, sqlite:////absolute.sqlite3, sqlite://:memory: or
                  postgresql://user:password@host:port/database[?schema=…&sslmode=…]

    Raises WrongSetting for a URL it does not understand. Several may be open in one process.
    """

    def __init__(self, database_url: str) -> None:
        self._address = parse_address(database_url)
        self._database = _database(self._address)
        self._lookups = Lookups(self._database, _file(self._address))
        self._orders = TortoiseOrders(self._database, self._lookups)
        self._users = TortoiseUsers(self._database, self._lookups)
        self._tokens = TortoiseTokens(self._database, self._lookups)
        self._open = False

    @property
    def orders(self) -> TortoiseOrders:
        return self._orders

    @property
    def users(self) -> TortoiseUsers:
        return self._users

    @property
    def tokens(self) -> TortoiseTokens:
        return self._tokens

    async def open(self, *, migrate: bool) -> None:
        """Must run in the event loop that will use the storage. A SQLite file's folder is made."""
        database, address = self._database, self._address
        if isinstance(address, SqliteAddress):
            _make_place(address)
        try:
            await database.connect()
            await bring_up(database, migrate=migrate)
            self._lookups.open()
        except StorageError as error:
            raise wrong_url(f"{address} can't be used: {error}") from error
        except database.errors as error:
            raise wrong_url(f"{address} can't be used: {database.reason(error)}") from error
        else:
            self._open = True
        finally:
            if not self._open:
                await database.close()

    async def ready(self) -> bool:
        """Whether the database answers."""
        if not self._open:
            return False
        try:
            async with self._database.reading() as session:
                await session.execute_query("SELECT 1")
        except StorageError:
            return False
        return True

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._lookups.close()
            await self._database.close()


def _database(address: SqliteAddress | PostgresAddress) -> Database:
    if isinstance(address, SqliteAddress):
        return SqliteDatabase(address)
    try:
        from twap.plugins.storage.postgres import PostgresDatabase
    except ImportError:
        raise wrong_url("PostgreSQL needs the extra: pip install 'twap-trading-api[postgres]'") from None
    return PostgresDatabase(address)


def _file(address: SqliteAddress | PostgresAddress) -> str | None:
    """Where an embedded database lies; None for a server's, and for one in memory."""
    if isinstance(address, SqliteAddress) and address.file != MEMORY:
        return address.file
    return None


def _make_place(address: SqliteAddress) -> None:
    if address.file == MEMORY:
        return
    path = Path(address.file)
    if path.is_dir():
        raise wrong_url(f"{address} is a folder; name a file in it")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds password hashes
    except OSError as error:
        raise wrong_url(
            f"the folder of {address} can't be made: {error.strerror}; "
            "where no database is named, it lies in TWAP_DATA_DIR"
        ) from None
    with suppress(OSError):  # opening it, next, says what is wrong
        path.touch(mode=0o600, exist_ok=False)
