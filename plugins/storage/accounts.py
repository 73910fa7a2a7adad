"""Users and their logins."""

from collections.abc import Sequence
from datetime import datetime

from tortoise.exceptions import IntegrityError

from twap.plugins.storage.database import Database
from twap.plugins.storage.lookups import Lookups
from twap.plugins.storage.rows import family_of, to_user, user_of
from twap.plugins.storage.statements import FAMILY, USER
from twap.ports.account import TokenFamily, User
from twap.ports.errors import UsernameTaken


class TortoiseUsers:
    """A `twap.ports.store.UserStore`."""

    def __init__(self, database: Database, lookups: Lookups) -> None:
        self._database, self._lookups = database, lookups
        self._table = database.tables.users

    async def add(self, user: User) -> None:
        try:
            async with self._database.writing() as session:
                await self._table.create(
                    using_db=session,
                    id=user.id,
                    name=user.name,
                    key=user.key,
                    password_hash=user.password_hash,
                    role=user.role.value,
                    created_at=user.created_at,
                )
        except IntegrityError:
            raise UsernameTaken from None

    async def by_key(self, key: str) -> User | None:
        async with self._database.reading() as session:
            row = await self._table.get_or_none(key=key, using_db=session)
            return None if row is None else to_user(row)

    async def get(self, user_id: str) -> User | None:
        rows = await self._lookups.rows(USER, [user_id])
        return user_of(rows[0]) if rows else None

    async def all(self) -> Sequence[User]:
        async with self._database.reading() as session:
            rows = await self._table.all(using_db=session)
        return sorted(map(to_user, rows), key=lambda user: user.name)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        async with self._database.writing() as session:
            await self._table.filter(id=user_id).using_db(session).update(password_hash=password_hash)

    async def delete(self, user_id: str) -> None:
        families = self._database.tables.token_families
        async with self._database.writing() as session:
            await families.filter(user_id=user_id).using_db(session).delete()
            await self._table.filter(id=user_id).using_db(session).delete()


class TortoiseTokens:
    """A `twap.ports.store.TokenStore`."""

    def __init__(self, database: Database, lookups: Lookups) -> None:
        self._database, self._lookups = database, lookups
        self._table = database.tables.token_families

    async def add(self, family: TokenFamily) -> None:
        async with self._database.writing() as session:
            await self._table.create(
                using_db=session,
                id=family.id,
                user_id=family.user_id,
                refresh_id=family.refresh_id,
                expires_at=family.expires_at,
                revoked=family.revoked,
            )

    async def get(self, family_id: str) -> TokenFamily | None:
        rows = await self._lookups.rows(FAMILY, [family_id])
        return family_of(rows[0]) if rows else None

    async def rotate(self, family_id: str, spent: str, fresh: str, expires_at: datetime) -> bool:
        async with self._database.writing() as session:
            family = self._table.filter(id=family_id).using_db(session)
            current = family.filter(refresh_id=spent, revoked=False)
            if await current.update(refresh_id=fresh, expires_at=expires_at):
                return True
            await family.update(revoked=True)
            return False

    async def revoke(self, family_id: str) -> None:
        async with self._database.writing() as session:
            await self._table.filter(id=family_id).using_db(session).update(revoked=True)

    async def revoke_user(self, user_id: str) -> None:
        async with self._database.writing() as session:
            await self._table.filter(user_id=user_id).using_db(session).update(revoked=True)

    async def forget_expired(self, now: datetime) -> None:
        async with self._database.writing() as session:
            await self._table.filter(expires_at__lte=now).using_db(session).delete()
