"""Brings a database to today's schema.

Tortoise's own runner is not used: it commits a migration and the note of it separately, takes no lock
against a second process that starts, and takes a journal it can't read for an empty one. Here each
migration is one transaction together with its note, under a lock.
"""

from collections.abc import Sequence

from tortoise import BaseDBAsyncClient

from twap.plugins.storage.address import wrong_url
from twap.plugins.storage.database import Database
from twap.plugins.storage.migrations import MIGRATIONS, Migration

_JOURNAL = """
CREATE TABLE IF NOT EXISTS twap_migrations (
    number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL
)
"""
_APPLIED = "SELECT number FROM twap_migrations ORDER BY number"
_NOTE = (
    "INSERT INTO twap_migrations (number, name, applied_at) VALUES (?, ?, CAST(CURRENT_TIMESTAMP AS TEXT))"
)


async def bring_up(
    database: Database, *, migrate: bool, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Apply what is pending, or say so. Raises WrongSetting; also for a schema newer than the code."""
    if not migrate:
        async with database.writing() as session:
            if _pending(await _applied(session), migrations):
                raise wrong_url("the database has not the current schema; run `twap migrate`")
        return
    for migration in migrations:
        async with database.writing() as session:
            await database.lock_migrations(session)
            await session.execute_query(_JOURNAL)
            if migration not in _pending(await _applied(session), migrations):
                continue
            for statement in migration.statements(database.dialect):
                await session.execute_query(statement)
            await session.execute_query(database.sql(_NOTE), [migration.number, migration.name])


async def _applied(session: BaseDBAsyncClient) -> set[int]:
    if not await _journal_exists(session):
        return set()
    return {row["number"] for row in await session.execute_query_dict(_APPLIED)}


async def _journal_exists(session: BaseDBAsyncClient) -> bool:
    if session.capabilities.dialect == "sqlite":
        question = "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'twap_migrations'"
    else:
        question = "SELECT 1 AS found WHERE to_regclass('twap_migrations') IS NOT NULL"
    return bool(await session.execute_query_dict(question))


def _pending(applied: set[int], migrations: Sequence[Migration]) -> list[Migration]:
    newest = migrations[-1].number
    if applied and max(applied) > newest:
        raise wrong_url(
            f"the database has schema {max(applied)}, newer than this version of twap knows ({newest}); "
            "use a newer version"
        )
    return [migration for migration in migrations if migration.number not in applied]
