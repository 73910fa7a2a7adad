"""The embedded database."""

import asyncio
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import cast

from tortoise import BaseDBAsyncClient
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.exceptions import BaseORMException

from twap.plugins.storage.address import MEMORY, SqliteAddress
from twap.plugins.storage.checkpoints import PAGES_IN_LOG, Checkpoints
from twap.plugins.storage.database import Database

_UNUSABLE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
    }
)


ROWS_PER_STATEMENT = (1000, 100, 10)


class SqliteDatabase(Database):
    """One connection, one writer, and a thread beside them that copies the log.

    `synchronous=FULL`: what a batch has returned as STORED survives a power cut. With NORMAL a power cut (not
    a crash of the process) could take back the last seconds of commits, never tear one. FULL costs one
    `fsync` per batch of steps.
    """

    dialect = "sqlite"
    engine = "tortoise.backends.sqlite"
    errors = (BaseORMException, sqlite3.Error, OverflowError, UnicodeError, ValueError)

    def __init__(self, address: SqliteAddress) -> None:
        super().__init__(
            {
                "file_path": address.file,
                "busy_timeout": 5000,
                "journal_mode": "WAL",
                "synchronous": "FULL",
                "foreign_keys": "ON",
                "journal_size_limit": 64 * 2**20,
                "cache_size": -32 * 1024,
                "wal_autocheckpoint": PAGES_IN_LOG,
            }
        )
        self._file = address.file
        self._checkpoints: Checkpoints | None = None

    async def connect(self) -> None:
        await asyncio.to_thread(self._try_to_open)
        await super().connect()
        if self._file != MEMORY:
            self._checkpoints = Checkpoints(self._file)
            self._checkpoints.start()

    def _try_to_open(self) -> None:
        """The driver's thread would outlive a failure, and report its end to a loop that may be closed."""
        sqlite3.connect(self._file).close()

    async def close(self) -> None:
        if self._checkpoints is not None:
            await asyncio.to_thread(self._checkpoints.stop)
            self._checkpoints = None
        await super().close()

    def sql(self, statement: str) -> str:
        return statement

    async def execute_many(
        self, session: BaseDBAsyncClient, statement: str, rows: Sequence[Sequence[object]]
    ) -> None:
        """Hundreds of rows go to one statement. The driver's thread gives up the interpreter's lock for each
        statement and waits for it after, 1 ms while the event loop computes: row by row it would stand still.
        """
        done = 0
        for size in ROWS_PER_STATEMENT:
            while len(rows) - done >= size:
                values = list(itertools.chain.from_iterable(rows[done : done + size]))
                await session.execute_query(of_many_rows(statement, size), values)
                done += size
        if done < len(rows):
            await super().execute_many(session, statement, rows[done:])
        if self._checkpoints is not None:
            self._checkpoints.written(len(rows))

    async def new_ids(self, session: BaseDBAsyncClient, table: str, count: int) -> Sequence[int]:
        """There is one writer: what follows the last id is free until the transaction ends."""
        _, rows = await session.execute_query(f"SELECT coalesce(max(id), 0) AS last FROM {table}")  # noqa: S608
        last = int(rows[0]["last"])
        return range(last + 1, last + 1 + count)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[BaseDBAsyncClient]:
        """Tortoise's own begins as a reader: against a second process it would fail at its first write."""
        client = cast(SqliteClient, self.client)
        async with client.acquire_connection() as connection:
            session = SqliteTransactionWrapper(client)
            try:
                await connection.execute("BEGIN IMMEDIATE")
                yield session
                await connection.commit()
            except BaseException:
                await asyncio.shield(connection.rollback())
                raise

    async def lock_migrations(self, session: BaseDBAsyncClient) -> None:
        """BEGIN IMMEDIATE has done it."""

    def unusable(self, error: BaseException) -> bool:
        for cause in _chain(error):
            if isinstance(cause, sqlite3.Error):
                code = getattr(cause, "sqlite_errorcode", None)
                return code is not None and code & 0xFF in _UNUSABLE
        return False


@cache
def of_many_rows(statement: str, count: int) -> str:
    """`INSERT ... VALUES (...)` for many rows, and `UPDATE ... SET a = ?, b = ? WHERE c = ? AND d = ?` with
    the values of a, b, c, d of each."""
    if statement.lstrip().startswith("INSERT"):
        head, _, row = statement.rpartition("VALUES")
        return f"{head}VALUES {', '.join([row.strip()] * count)}"
    names = (f"given.column{number}" for number in itertools.count(1))
    body, where = re.sub(r"\?", lambda _: next(names), statement).split("WHERE")
    row = f"({', '.join('?' * statement.count('?'))})"
    table = statement.split()[1]
    where = re.sub(r"(\w+) =", rf"{table}.\1 =", where)
    return f"{body}FROM (VALUES {', '.join([row] * count)}) AS given WHERE{where}"


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what it came from; Tortoise keeps the driver's error as an argument."""
    chain: list[BaseException] = []
    while error is not None:
        chain.append(error)
        first = error.args[0] if error.args else None
        error = error.__cause__ or (first if isinstance(first, BaseException) else None)
    return chain
