"""Commands that need no server: they open the database, or the feeds, in their own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from twap.ports.errors import TwapError, WrongSetting

if TYPE_CHECKING:
    from twap.entrypoints.container import Container
    from twap.ports.feed import MarketFeed

DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="Instead of TWAP_DATABASE_URL.", show_default=False)
]


@asynccontextmanager
async def opened_storage(
    database_url: str | None, *, migrate: bool | None = None
) -> "AsyncIterator[Container]":
    """A container whose storage is open.

    migrate  apply pending migrations; None: as at the server's start, where the database is SQLite
    """
    container = _container(database_url=database_url)
    embedded = container.settings().database_url.startswith("sqlite")
    storage = container.storage()
    await storage.open(migrate=embedded if migrate is None else migrate)
    try:
        yield container
    finally:
        await storage.close()
        container.hasher().close()


@asynccontextmanager
async def opened_feed(exchange: str | None = None) -> "AsyncIterator[MarketFeed]":
    """The feed engine of that exchange alone, enabled or not; of all enabled ones where none is named.

    Raises TwapError for a name that no plugin has.
    """
    container = _container(exchanges=exchange)
    try:
        feed = container.feed()
    except WrongSetting as error:
        # Whoever named it here did not mean the variable.
        raise TwapError(str(error).removeprefix("TWAP_EXCHANGES: ")) from error
    await feed.start()
    try:
        yield feed
    finally:
        await feed.close()


def _container(**overrides: object) -> "Container":
    from twap.entrypoints import logs
    from twap.entrypoints.container import Container
    from twap.entrypoints.settings import load_settings

    settings = load_settings(**overrides)
    logs.configure("error", settings.log_format)
    return Container(settings=settings)
