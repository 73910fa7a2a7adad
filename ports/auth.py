"""Ports to password hashing and tokens."""

from datetime import datetime
from typing import Protocol

from twap.ports.account import Claims, TokenPair


class PasswordHasher(Protocol):
    """Slow on purpose: off the event loop, few at a time. Raises Throttled when too many wait."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """False for a wrong password. With None (no such user) it takes the same time and is False."""
        ...


class Tokens(Protocol):
    """Signed tokens. An access token is never taken for a refresh token, nor the other way round."""

    def issue(self, user_id: str, family: str, refresh_id: str, now: datetime) -> TokenPair: ...

    def read_access(self, token: str, now: datetime) -> Claims:
        """Raises Unauthorized, saying whether it is malformed, wrong or expired."""
        ...

    def read_refresh(self, token: str, now: datetime) -> Claims:
        """Its `id` is the `refresh_id` it was issued with. Raises Unauthorized."""
        ...
