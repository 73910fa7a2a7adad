"""The steps from an empty database to today's schema.

A released migration is never edited; a new one is appended.
"""

from dataclasses import dataclass

from twap.plugins.storage.migrations import (
    m0001_first,
    m0002_checksums,
    m0003_memory,
    m0004_executions,
    m0005_looks,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """sqlite, postgres: statements, run in order in one transaction with the note that they were."""

    number: int
    name: str
    sqlite: tuple[str, ...]
    postgres: tuple[str, ...]

    def statements(self, dialect: str) -> tuple[str, ...]:
        return self.sqlite if dialect == "sqlite" else self.postgres


MIGRATIONS = (
    Migration(1, "first", m0001_first.SQLITE, m0001_first.POSTGRES),
    Migration(2, "checksums", m0002_checksums.STATEMENTS, m0002_checksums.STATEMENTS),
    Migration(3, "memory", m0003_memory.SQLITE, m0003_memory.POSTGRES),
    Migration(4, "executions", m0004_executions.SQLITE, m0004_executions.POSTGRES),
    Migration(5, "looks", m0005_looks.SQLITE, m0005_looks.POSTGRES),
)
