"""Questions to the server, from a page that has no event loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

from twap.entrypoints.client import Tokens, TwapClient

URL_VARIABLE = "TWAP_URL"
TOKENS, USERNAME = "tokens", "username"

Answer = TypeVar("Answer")


class SessionKeeper:
    """Implements twap.entrypoints.client.TokenKeeper: tokens live in one browser session's state alone."""

    def __init__(self, state: MutableMapping[Any, Any]) -> None:
        self._state = state

    def load(self) -> Tokens | None:
        tokens: Tokens | None = self._state.get(TOKENS)
        return tokens

    def save(self, tokens: Tokens | None) -> None:
        self._state[TOKENS] = tokens


class Server:
    """The server at `url`, as the user of one browser session."""

    def __init__(self, url: str, state: MutableMapping[Any, Any]) -> None:
        self.url = url
        self._state = state
        self._keeper = SessionKeeper(state)

    @property
    def username(self) -> str | None:
        """None: nobody is logged in."""
        return self._state.get(USERNAME) if self._keeper.load() else None

    def ask(self, question: Callable[[TwapClient], Awaitable[Answer]]) -> Answer:
        """Raises ApiError, ServerUnreachable."""

        async def answered() -> Answer:
            async with TwapClient(self.url, keeper=self._keeper) as twap:
                return await question(twap)

        return asyncio.run(answered())

    def log_in(self, username: str, password: str, *, register: bool) -> None:
        async def entered(twap: TwapClient) -> None:
            if register:
                await twap.register(username, password)
            await twap.log_in(username, password)

        self.ask(entered)
        self._state[USERNAME] = username

    def log_out(self) -> None:
        """The tokens are forgotten, also where the server can't be told."""
        try:
            self.ask(lambda twap: twap.log_out())
        finally:
            self.forget()

    def forget(self) -> None:
        """All that this session knows of its user."""
        self._state.clear()
