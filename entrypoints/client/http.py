"""Requests to the server: exact JSON, problems as errors, the token renewed where it has expired."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from twap.entrypoints.client.errors import ApiError, NoServerAddress, ServerUnreachable
from twap.entrypoints.client.exact_json import Json, decode, encode
from twap.entrypoints.client.tokens import UNAUTHORIZED, Login, TokenKeeper

TIMEOUT = aiohttp.ClientTimeout(total=120, connect=5)
MAX_FRAME_BYTES = 16 * 2**20
_UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Answer:
    """next_page: address of what follows, relative to the server, or None."""

    body: bytes
    next_page: str | None

    def json(self) -> Any:
        return decode(self.body) if self.body else None


class HttpClient:
    """One session, opened with the first request, in the running loop."""

    def __init__(self, url: str, keeper: TokenKeeper) -> None:
        self.url = url.rstrip("/")
        self.login = Login(keeper, self._spend)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        signed: bool = False,
    ) -> Answer:
        """signed: with the token of the login. Raises ApiError, ServerUnreachable."""
        if not signed:
            return await self._send(method, path, body, query, None)
        token = await self.login.access_token()
        try:
            return await self._send(method, path, body, query, token)
        except ApiError as error:
            fresh = await self.login.renewed(token) if error.status == UNAUTHORIZED else None
            if fresh is None:
                raise
        return await self._send(method, path, body, query, fresh)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["aiohttp.ClientWebSocketResponse[bool]"]:
        """A connection to `/ws`. Raises ServerUnreachable."""
        try:
            socket = await self._opened().ws_connect(
                f"{self.url}/ws", max_msg_size=MAX_FRAME_BYTES, heartbeat=20
            )
        except (*_UNREACHABLE, ValueError) as error:
            raise self._unreachable(error) from error
        async with socket:
            yield socket

    async def _spend(self, refresh_token: str) -> Json:
        body = {"refresh_token": refresh_token}
        pair: Json = (await self._send("POST", "/token/refresh", body, None, None)).json()
        return pair

    async def _send(
        self, method: str, path: str, body: Any, query: Mapping[str, str] | None, token: str | None
    ) -> Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = encode(body), "application/json"
        try:
            async with self._opened().request(
                method, self.url + path, params=query, data=data, headers=headers, allow_redirects=False
            ) as response:
                content = await response.read()
                next_page = _next_page(response)
        except (*_UNREACHABLE, ValueError, asyncio.IncompleteReadError) as error:
            raise self._unreachable(error) from error
        if response.status >= 300:
            raise _problem(response.status, response.reason or "", content)
        return Answer(content, next_page)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, headers={"User-Agent": "twap-client"})
        return self._session

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        if isinstance(error, aiohttp.ClientConnectorError):
            return ServerUnreachable(self.url, _reason(error.os_error))
        if isinstance(error, aiohttp.WSServerHandshakeError):
            return ServerUnreachable(self.url, f"its WebSocket was refused with HTTP {error.status}")
        if isinstance(error, ValueError | aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            example = "addresses are like http://127.0.0.1:8000"
            return NoServerAddress(self.url, "that is no address of a server", example)
        return ServerUnreachable(self.url, str(error) or type(error).__name__)


def _reason(error: OSError) -> str:
    """In words: asyncio's text repeats the address, and numbers of a name that was not found are negative."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _next_page(response: aiohttp.ClientResponse) -> str | None:
    link = response.links.get("next")
    address = None if link is None else link.get("url")
    return str(address.relative()) if isinstance(address, URL) else None


def _problem(status: int, reason: str, content: bytes) -> ApiError:
    try:
        problem = decode(content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "detail" not in problem:
        return ApiError(status, reason, f"HTTP {status} {reason}".strip())
    return ApiError(status, problem.get("title", reason), problem["detail"], problem.get("errors", ()))
