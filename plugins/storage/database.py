"""One open database: its Tortoise connection, its models and its transactions.

Tortoise finds the connection of a query through a context variable, which tasks that were started
elsewhere (Hypercorn's) do not inherit, and a `TortoiseContext` can't be entered by two tasks at once.
So `reading` and `writing` set that variable for their block, and queries name their connection.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

from tortoise import BaseDBAsyncClient
from tortoise.apps import Apps
from tortoise.context import TortoiseContext, _current_context
from tortoise.exceptions import IntegrityError

from twap.plugins.storage.models import Tables
from twap.ports.errors import StorageError

APP = "twap"


class Database(ABC):
    """dialect: also the connection's name, since Tortoise caches SQL by it.

    errors: what Tortoise and the driver raise.
    """

    dialect: str
    engine: str
    errors: tuple[type[Exception], ...]

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self.tables = Tables.fresh()
        self._credentials = dict(credentials)
        self._context = TortoiseContext()
        self._connected = False

    @property
    def client(self) -> BaseDBAsyncClient:
        return self._context.connections.get(self.dialect)

    async def connect(self) -> None:
        """Raises what the driver raises.

        `TortoiseContext.init` would take models by the name of their module alone, and write to os.environ.
        """
        connection = {"engine": self.engine, "credentials": self._credentials}
        app = {"models": [self.tables.module()], "default_connection": self.dialect}
        with self.active():
            await self._context.connections._init({self.dialect: connection}, False)
            Apps({APP: app}, self._context.connections)
            await self.client.create_connection(with_db=True)
        self._connected = True

    async def close(self) -> None:
        self._connected = False
        with self.active():
            await self._context.close_connections()

    @contextmanager
    def active(self) -> Iterator[None]:
        token = _current_context.set(self._context)
        try:
            yield
        finally:
            _current_context.reset(token)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[BaseDBAsyncClient]:
        """Each query by itself. Raises StorageError."""
        with self.active(), self._translated():
            yield self.client

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[BaseDBAsyncClient]:
        """One transaction, whole or not at all.

        Raises StorageError; Tortoise's IntegrityError passes, for callers that expect one.
        """
        with self.active(), self._translated():
            async with self._transaction() as session:
                yield session

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if not self._connected:
            raise StorageError("the database is not open")  # Tortoise would silently connect again
        try:
            yield
        except IntegrityError:
            raise
        except self.errors as error:
            raise StorageError(f"the database failed: {self.reason(error)}") from error

    def reason(self, error: BaseException) -> str:
        """One line."""
        return " ".join(str(error).split()) or type(error).__name__

    @abstractmethod
    def sql(self, statement: str) -> str:
        """A statement written with `?`, in the database's own way."""

    async def execute_many(
        self, session: BaseDBAsyncClient, statement: str, rows: Sequence[Sequence[object]]
    ) -> None:
        """A statement for many rows, each with its values; no row may depend on what another one writes."""
        await session.execute_many(self.sql(statement), list(rows))  # type: ignore[arg-type]

    @abstractmethod
    async def new_ids(self, session: BaseDBAsyncClient, table: str, count: int) -> Sequence[int]:
        """Ids for so many new rows of a table, ascending; nobody else gets them."""

    @abstractmethod
    def _transaction(self) -> AbstractAsyncContextManager[BaseDBAsyncClient]: ...

    @abstractmethod
    async def lock_migrations(self, session: BaseDBAsyncClient) -> None:
        """Until the transaction ends no other process migrates."""

    @abstractmethod
    def unusable(self, error: BaseException) -> bool:
        """True if nothing at all can be written now; False if it was this write that was refused."""
