"""One client's WebSocket, as the stand-in sees it."""

import asyncio
import contextlib
import time

from aiohttp import WSMsgType

from tests.fakes.exchanges.limits import Window

PING = object()
"""In the outgoing queue: a protocol ping."""


class Connection:
    """Frames go out in order through a queue, so that a client which reads slowly holds up nobody else.

    subscriptions  the exchange's channel or stream name by symbol, in whatever form it keeps
    silent         half open: nothing goes out any more
    state          room for what the exchange keeps by connection
    """

    def __init__(self, server, request, socket):
        self.number = server.accepted
        self.server, self.request, self.socket = server, request, socket
        self.subscriptions = {}
        self.state = {}
        self.held = []
        self.silent = False
        self.pushed_at = time.monotonic()
        self.frames = Window(*server.frame_limit)
        self.outgoing = asyncio.Queue()
        self.jobs = []

    def send(self, frame, delay_seconds=0):
        self.outgoing.put_nowait((frame, delay_seconds))

    def ping(self):
        self.send(PING)

    def close(self, code=1001, message=b""):
        """A closing handshake, after what is still to be sent."""
        self.send((code, message))

    def abort(self):
        if self.request.transport is not None:
            self.request.transport.abort()

    def spawn(self, coroutine):
        self.jobs.append(asyncio.create_task(coroutine))

    async def run(self):
        self.spawn(self._write())
        if self.server.heartbeat_seconds:
            self.spawn(self._beat())
        if self.server.subscribe_within_seconds:
            self.spawn(self._expect_subscription())
        try:
            self.server.opened(self)
            await self._read()
        finally:
            for job in self.jobs:
                job.cancel()
            await asyncio.gather(*self.jobs, return_exceptions=True)
            self._forget_outgoing()
            if self.silent:
                self.abort()

    async def _read(self):
        while True:
            try:
                message = await self.socket.receive(self.server.idle_seconds)
            except TimeoutError:
                if self.server.pushes_keep_alive and self.pushed_lately():
                    continue
                self.server.violation(f"connection {self.number} sent nothing for too long")
                return
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                while self.silent and not self.gone():  # noqa: ASYNC110 - its end has no event
                    await asyncio.sleep(0.02)
                return
            if not self.frames.hit():
                self.server.violation(f"connection {self.number} sends too many frames")
                self.abort()
                return
            if message.type == WSMsgType.PING:
                if not self.silent:
                    await self.socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                text = message.data if message.type == WSMsgType.TEXT else message.data.decode()
                self.server.log.append({"connection": self.number, "frame": text})
                self.server.received(self, text)

    def pushed_lately(self):
        return time.monotonic() - self.pushed_at < self.server.idle_seconds

    def gone(self):
        return self.request.transport is None or self.request.transport.is_closing()

    async def _write(self):
        while True:
            frame, delay_seconds = await self.outgoing.get()
            try:
                await asyncio.sleep(delay_seconds)
                await self._put(frame)
            except (ConnectionError, RuntimeError):
                self.abort()  # the client has gone
            finally:
                self.outgoing.task_done()

    async def _put(self, frame):
        if self.silent or self.gone():
            return
        if frame is PING:
            await self.socket.ping(b"beat")
        elif isinstance(frame, tuple):
            code, message = frame
            await self.socket.close(code=code, message=message, drain=False)
            self.abort()
        else:
            await self.socket.send_str(frame)
            self.pushed_at = time.monotonic()

    def _forget_outgoing(self):
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self.outgoing.get_nowait()
                self.outgoing.task_done()

    async def _beat(self):
        while True:
            await asyncio.sleep(self.server.heartbeat_seconds)
            self.server.beat(self)

    async def _expect_subscription(self):
        await asyncio.sleep(self.server.subscribe_within_seconds)
        if not self.subscriptions:
            self.server.violation(f"connection {self.number} subscribed to nothing in time")
            self.close(1008)
