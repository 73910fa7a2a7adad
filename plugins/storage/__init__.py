"""Storage in one database through Tortoise ORM: SQLite by default, PostgreSQL by URL.

May import `twap.ports`.
"""

from twap.plugins.storage.storage import TortoiseStorage

__all__ = ["TortoiseStorage"]
