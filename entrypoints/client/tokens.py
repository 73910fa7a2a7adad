"""The tokens of a login, renewed before they expire."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from twap.entrypoints.client.errors import ApiError
from twap.entrypoints.client.exact_json import Json

RENEW_BEFORE_SECONDS = 30
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Tokens:
    """refresh_token: None where only an access token is known; expires_at: seconds since 1970."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float = math.inf

    @classmethod
    def of_answer(cls, pair: Json) -> "Tokens":
        """From the answer to a login or a refresh."""
        return cls(pair["access_token"], pair["refresh_token"], time.time() + float(pair["expires_in"]))


class TokenKeeper(Protocol):
    """Where tokens outlive the client, or are shared with other processes."""

    def load(self) -> Tokens | None: ...

    def save(self, tokens: Tokens | None) -> None:
        """None: the login has ended."""
        ...


class MemoryKeeper:
    """Keeps tokens as long as the client lives."""

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._tokens = tokens


class Login:
    """Gives a valid access token; of several tasks that need a new one, one asks for it.

    refresh  spends a refresh token for a new pair; raises ApiError
    """

    def __init__(self, keeper: TokenKeeper, refresh: Callable[[str], Awaitable[Json]]) -> None:
        self._keeper = keeper
        self._refresh = refresh
        self._renewing = asyncio.Lock()

    def begin(self, pair: Json) -> None:
        self._keeper.save(Tokens.of_answer(pair))

    def end(self) -> None:
        self._keeper.save(None)

    async def access_token(self) -> str:
        """Raises ApiError where nobody is logged in."""
        tokens = self._keeper.load()
        if tokens is None:
            raise ApiError(UNAUTHORIZED, "Unauthorized", "not logged in: log in first")
        if tokens.refresh_token and time.time() > tokens.expires_at - RENEW_BEFORE_SECONDS:
            return await self.renewed(tokens.access_token) or tokens.access_token
        return tokens.access_token

    async def renewed(self, refused: str) -> str | None:
        """An access token other than the refused one; None where there is no way to one."""
        async with self._renewing:
            tokens = self._keeper.load()  # another task or process may have renewed it meanwhile
            if tokens is None:
                return None
            if tokens.access_token != refused:
                return tokens.access_token
            if tokens.refresh_token is None:
                return None
            fresh = Tokens.of_answer(await self._refresh(tokens.refresh_token))
            self._keeper.save(fresh)
            return fresh.access_token
