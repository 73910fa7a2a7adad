"""A WebSocket below Quart: bounded where Quart and Hypercorn 0.18 are not.

Quart queues unread frames without a limit. Hypercorn compresses for whoever offers it (300 KiB a client, and
a few bytes can inflate to a gigabyte before their size is looked at), keeps collecting a message after it has
been refused as too big, and can't be made to drop a client that reads nothing. ASGI has no word for any of
this, so `Wire` reaches for Hypercorn's objects behind it. Under another server it does without them.
"""

import asyncio
import contextlib
import socket
from typing import Any

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.protocol.events import Data
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, WebsocketScope
from quart import Quart, Websocket
from quart.asgi import ASGIWebsocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import Ping
from wsproto.frame_protocol import FrameProtocol

UNREAD_FRAMES = 16
KERNEL_BUFFER_BYTES = 64 * 1024
PROCESS_BUFFER_BYTES = 16 * 1024
"""Small buffers: what lies in them is old before it is read, and no newer update can replace it there."""

_WIRE = "twap.wire"


class Shared:
    """A text for many clients: made into a frame once, as without compression it is the same for all."""

    __slots__ = ("frame", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.frame = bytes(FrameProtocol(client=False, extensions=[]).send_data(text, fin=True))


class Wire:
    """One client's connection."""

    __slots__ = ("_send", "_server", "_stream")

    def __init__(self, send: ASGISendCallable) -> None:
        self._send = send
        stream = getattr(send, "__self__", None)
        self._stream = stream if isinstance(stream, WSStream) else None
        self._server = _server_of(self._stream)
        if self._stream is not None:
            self._stream.handshake.extensions = None  # no compression is agreed on
        if self._server is not None:
            _shrink_buffers(self._server.writer)

    async def send(self, text: str) -> None:
        """A text frame; waits while the buffers are full. Nothing happens where the client is gone."""
        await self._send({"type": "websocket.send", "bytes": None, "text": text})

    async def send_shared(self, message: Shared) -> None:
        stream = self._stream
        if stream is None:
            await self.send(message.text)
        elif _is_open(stream):
            await stream.send(Data(stream.stream_id, message.frame))

    async def ping(self) -> None:
        """A protocol ping. Hypercorn's own ones keep a connection's memory and the server's end waiting."""
        stream = self._stream
        if stream is not None and _is_open(stream):
            await stream.send(Data(stream.stream_id, stream.connection.send(Ping())))

    @property
    def broken_off(self) -> bool:
        """The server itself is closing, as the client broke the protocol or its message was too big."""
        stream = self._stream
        if stream is None or stream.state is not ASGIWebsocketState.CONNECTED:
            return False
        return stream.connection.state is not ConnectionState.OPEN

    @property
    def refused(self) -> bool:
        """The server itself has answered the handshake with an error, as a frame came before it was over. It
        tells the app nothing of it, and leaves the connection open."""
        stream = self._stream
        return stream is not None and stream.closed and stream.state is ASGIWebsocketState.HANDSHAKE

    def abort(self) -> bool:
        """Drop the connection and what is not sent yet. False where that is not in our hands."""
        if self._server is None:
            return False
        self._server.writer.transport.abort()
        return True

    def close(self) -> None:
        """End the connection once everything is sent."""
        if self._server is not None:
            self._server.writer.close()

    async def wait_closed(self) -> None:
        """Until everything is sent and the connection is gone."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                await asyncio.shield(self._server.writer.wait_closed())


class Connection(ASGIWebsocketConnection):
    """Quart's connection: with few unread frames (TCP holds a faster client back), and with a `Wire`."""

    def __init__(self, app: Quart, scope: WebsocketScope) -> None:
        super().__init__(app, scope)
        self.queue = asyncio.Queue(UNREAD_FRAMES)

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        scope: Any = self.scope
        wire = scope[_WIRE] = Wire(send)
        await super().__call__(receive, send)
        if wire.refused:
            wire.close()


def wire_of(websocket: Websocket) -> Wire:
    scope: Any = websocket.scope
    wire: Wire = scope[_WIRE]
    return wire


def _is_open(stream: WSStream) -> bool:
    return (
        not stream.closed
        and stream.state is ASGIWebsocketState.CONNECTED
        and stream.connection.state is ConnectionState.OPEN
    )


def _server_of(stream: WSStream | None) -> TCPServer | None:
    """None for HTTP/2, where other streams share the connection."""
    protocol = getattr(stream and stream.send, "__self__", None)
    if not isinstance(protocol, H11Protocol):
        return None
    server = getattr(protocol.send, "__self__", None)
    return server if isinstance(server, TCPServer) else None


def _shrink_buffers(writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(high=PROCESS_BUFFER_BYTES)
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
