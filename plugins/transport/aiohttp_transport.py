"""The network, by aiohttp: every wait and every size is bounded."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import aiohttp

from twap.plugins.transport.ending import BrokenFrame
from twap.ports.transport import (
    Connection,
    ConnectionEnded,
    HttpRequest,
    HttpResponse,
    UpgradeRefused,
)

MAX_BODY_BYTES = 64 * 2**20
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0

_CHUNK_BYTES = 2**16
_CLOSING = frozenset({aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED})


class AiohttpConnection:
    """Implements twap.ports.transport.Connection. Frames come out as bytes, text or binary.

    Protocol pings are answered here rather than by aiohttp, so that the caller hears of them.
    """

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self._socket = socket

    async def send(self, frame: str) -> None:
        try:
            await self._socket.send_str(frame)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise ConnectionEnded(f"sending failed: {_described(error)}") from error

    async def ping(self) -> None:
        try:
            await self._socket.ping()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise ConnectionEnded(f"sending failed: {_described(error)}") from error

    async def receive(self) -> bytes | None:
        try:
            message = await self._socket.receive()
            kind = message.type
            if kind is aiohttp.WSMsgType.TEXT or kind is aiohttp.WSMsgType.BINARY:
                data: bytes = message.data
                return data
            if kind is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
                return None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise ConnectionEnded(f"receiving failed: {_described(error)}") from error
        if kind is aiohttp.WSMsgType.PONG:
            return None
        if kind is aiohttp.WSMsgType.ERROR:
            raise BrokenFrame(f"a frame broke the WebSocket protocol or the size limit: {message.data}")
        raise ConnectionEnded(self._ending(kind, message.data, message.extra))

    def _ending(self, kind: aiohttp.WSMsgType, data: object, extra: str | None) -> str:
        if kind is aiohttp.WSMsgType.CLOSE:
            said = f" ({extra})" if extra else ""
            return f"the exchange closed the connection with code {data}{said}"
        code = self._socket.close_code
        if kind in _CLOSING and code != aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
            return f"the connection was closed with code {code}"
        return "the connection broke"

    async def close(self) -> None:
        """Says goodbye, waits at most `CLOSE_SECONDS` for the answer, then cuts the line."""
        transport = self._line()
        with suppress(TimeoutError, aiohttp.ClientError, OSError, RuntimeError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close()
        if transport is not None:
            transport.abort()

    def _line(self) -> asyncio.Transport | None:
        """aiohttp gives no public way to the transport that works once the socket has begun to close."""
        connection = getattr(self._socket, "_conn", None)
        transport = getattr(connection, "transport", None)
        return transport if isinstance(transport, asyncio.Transport) else None


class AiohttpTransport:
    """Implements twap.ports.transport.Transport. One session, made at the first use, in the running loop."""

    def __init__(self, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # Feeds hold their connections for good: aiohttp's default of 100 in total would block.
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "twap", "Accept": "application/json"},
            )
        return self._session

    async def request(self, base: str, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        timeout = aiohttp.ClientTimeout(
            total=timeout_seconds,
            connect=min(CONNECT_SECONDS, timeout_seconds),
            sock_read=timeout_seconds,
        )
        try:
            async with self._opened().request(
                request.method,
                base + request.path,
                params=dict(request.query),
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                body = await self._read(response)
                return HttpResponse(response.status, dict(response.headers), body)
        except TimeoutError as error:
            raise TimeoutError(f"no complete answer within {timeout_seconds:g} s") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise OSError(_described(error)) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_body_bytes:
                raise OSError(f"the answer is larger than {self._max_body_bytes} bytes")
        return bytes(body)

    async def connect(
        self, url: str, headers: Mapping[str, str], max_frame_bytes: int, timeout_seconds: float
    ) -> Connection:
        try:
            async with asyncio.timeout(timeout_seconds):
                socket = await self._opened().ws_connect(
                    url,
                    headers=dict(headers),
                    max_msg_size=max_frame_bytes,
                    autoping=False,
                    decode_text=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
        except TimeoutError as error:
            raise TimeoutError(f"the WebSocket did not open within {timeout_seconds:g} s") from error
        except aiohttp.WSServerHandshakeError as error:
            raise UpgradeRefused(error.status, dict(error.headers or {})) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise OSError(_described(error)) from error
        return AiohttpConnection(socket)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await session.close()


def _described(error: Exception) -> str:
    """Never the address: it may hold a token."""
    match error:
        case aiohttp.ClientConnectorError():
            return f"cannot connect to {error.host}:{error.port}: {error.os_error}"
        case aiohttp.ClientResponseError():
            return f"a broken answer (HTTP {error.status})"
        case aiohttp.InvalidURL() | ValueError():
            return "the address is not valid"
    return str(error) or type(error).__name__
