"""PostgreSQL, through asyncpg; needs the extra `postgres`."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, cast

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.exceptions import BaseORMException, DBConnectionError

from twap.plugins.storage.address import PostgresAddress
from twap.plugins.storage.database import Database

CONNECT_TIMEOUT_SECONDS = 10
COMMAND_TIMEOUT_SECONDS = 60
_MIGRATIONS_LOCK = 0x74776170

_UNUSABLE = (
    OSError,
    TimeoutError,
    DBConnectionError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
)


class PostgresDatabase(Database):
    dialect = "postgres"
    engine = "tortoise.backends.asyncpg"
    errors = (
        BaseORMException,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
        TimeoutError,
        ValueError,
        OverflowError,
    )

    def __init__(self, address: PostgresAddress) -> None:
        credentials: dict[str, Any] = {
            "host": address.host,
            "port": address.port,
            "database": address.database,
            "user": address.user,
            "password": address.password,
            "schema": address.schema,
            "application_name": "twap",
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "command_timeout": COMMAND_TIMEOUT_SECONDS,
        }
        if address.sslmode is not None:
            credentials["ssl"] = address.sslmode
        super().__init__(credentials)

    def sql(self, statement: str) -> str:
        numbers = count(1)
        return re.sub(r"\?", lambda _: f"${next(numbers)}", statement)

    async def new_ids(self, session: BaseDBAsyncClient, table: str, count: int) -> Sequence[int]:
        query = "SELECT nextval(pg_get_serial_sequence($1, 'id')) AS id FROM generate_series(1, $2)"
        _, rows = await session.execute_query(query, [table, count])
        return [row["id"] for row in rows]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[BaseDBAsyncClient]:
        """Tortoise's own loses a connection of the pool each time it is cancelled while it begins."""
        client = cast(AsyncpgDBClient, self.client)
        async with client.acquire_connection() as connection, connection.transaction():
            session = TransactionWrapper(client)
            session._connection = connection
            yield session

    async def lock_migrations(self, session: BaseDBAsyncClient) -> None:
        await session.execute_query("SELECT pg_advisory_xact_lock($1)", [_MIGRATIONS_LOCK])

    def unusable(self, error: BaseException) -> bool:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, _UNUSABLE):
                return True
            cause = cause.__cause__
        return False
