"""HTTP/1.1 as the server speaks it, where Hypercorn 0.18 would leave connections open or say nothing.

Hypercorn answers a broken WebSocket handshake with 400, and then keeps the connection for ever: anybody could
use up the server's file descriptors with them. Its own errors have no body. And it changes to HTTP/2 without
TLS for whoever asks, where the bounds of `/ws` don't hold and which no proxy needs.
"""

from typing import ClassVar

import hypercorn.protocol
import hypercorn.protocol.h11
from h11 import Data, EndOfMessage, Request, Response
from hypercorn.events import Closed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import Handshake

from twap.entrypoints.http import problems
from twap.entrypoints.ws.stream import BoundedStream

_BAD_REQUEST, _BAD_VERSION = 400, 505
_DETAILS = {
    _BAD_REQUEST: "this is no HTTP/1.1 that can be understood",
    413: "the head of the request is too large",
    431: "the head of the request is too large",
    501: "this transfer encoding is not understood; chunked is",
    _BAD_VERSION: "HTTP/2 is not spoken here; HTTP/1.1 is",
}
_HANDSHAKE = "this is no handshake of a WebSocket: it needs HTTP/1.1, Sec-WebSocket-Key and -Version: 13"


class Http1(H11Protocol):
    """connections: of this process, since it started."""

    connections: ClassVar[int] = 0

    async def initiate(self) -> None:
        Http1.connections += 1
        await super().initiate()

    async def _check_protocol(self, event: Request) -> None:
        """No upgrade to HTTP/2; a server may ignore that it is asked for."""

    async def _create_stream(self, request: Request) -> None:
        if request.http_version not in (b"1.0", b"1.1"):
            await self._refuse(_BAD_VERSION, _DETAILS[_BAD_VERSION])
        elif _asks_for_websocket(request) and not _handshake(request).is_valid():
            await self._refuse(_BAD_REQUEST, _HANDSHAKE)
        else:
            await super()._create_stream(request)

    async def _send_error_response(self, status_code: int) -> None:
        await self._answer(status_code, _DETAILS.get(status_code, _DETAILS[_BAD_REQUEST]))

    async def _refuse(self, status: int, detail: str) -> None:
        await self._answer(status, detail)
        await self.send(Closed())

    async def _answer(self, status: int, detail: str) -> None:
        body = problems.of_protocol(status, detail)
        headers = [
            (b"content-type", problems.CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(Response(status_code=status, headers=headers))
        await self._send_h11_event(Data(data=body))
        await self._send_h11_event(EndOfMessage())


def use() -> None:
    """Let Hypercorn speak it. It has no setting for this: it is told by the names that it looks up."""
    hypercorn.protocol.H11Protocol = Http1  # type: ignore[attr-defined]
    hypercorn.protocol.h11.WSStream = BoundedStream  # type: ignore[attr-defined, assignment]


def _handshake(request: Request) -> Handshake:
    return Handshake(list(request.headers), request.http_version.decode())


def _asks_for_websocket(request: Request) -> bool:
    """As Hypercorn decides it."""
    if all(name != b"upgrade" for name, _ in request.headers):  # nearly always
        return False
    fields = {bytes(name): bytes(value).strip().lower() for name, value in request.headers}
    tokens = [token.strip() for token in fields.get(b"connection", b"").split(b",")]
    return request.method == b"GET" and b"upgrade" in tokens and fields[b"upgrade"] == b"websocket"
