"""Rows that nearly every request asks for: whose token it is, which orders a page shows."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from twap.plugins.storage.database import Database

Rows = Sequence[Mapping[str, Any]]


class Lookups:
    """A few rows by an index. file: of an embedded database, None where there is no file.

    An embedded database is read in the event loop itself, by a connection that only reads: some 20 µs, beside
    ten times as much through the driver's thread, and no waiting for the executor's transaction. In WAL mode
    readers wait for nobody; should one have to, the other connection takes over.
    """

    def __init__(self, database: Database, file: str | None) -> None:
        self._database, self._file = database, file
        self._reader: sqlite3.Connection | None = None

    def open(self) -> None:
        """Once the database is open."""
        if self._file is not None:
            reader = sqlite3.connect(f"file:{quote(self._file)}?mode=ro", uri=True, timeout=0)
            reader.row_factory = sqlite3.Row
            self._reader = reader

    def close(self) -> None:
        """Before the database is closed: its last connection cleans up."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def rows(self, statement: str, values: Sequence[object]) -> Rows:
        """What was committed before this call, at least. Raises StorageError."""
        if self._reader is not None:
            with suppress(sqlite3.Error):  # the way below waits, or says what is wrong
                return cast(Rows, self._reader.execute(statement, values).fetchall())  # by name, like dicts
        async with self._database.reading() as session:
            rows: Rows = await session.execute_query_dict(self._database.sql(statement), list(values))
            return rows
