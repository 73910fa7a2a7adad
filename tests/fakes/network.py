"""A network in memory: what it answers and when connections fail is up to the test."""

import asyncio
from collections import deque

from twap.ports.transport import ConnectionEnded, HttpResponse


class FakeConnection:
    """One WebSocket as the exchange sees it.

    sent    frames of the client, in order; a protocol ping is noted as PING
    push    gives the client a frame; `pong` a protocol pong; `end` breaks the connection
    answer  called with each client frame, may return frames to push
    """

    PING = "<protocol ping>"

    def __init__(self, url, headers, answer=None):
        self.url, self.headers, self.answer = url, headers, answer
        self.sent = []
        self.closed = False
        self.answers_pings = True
        self.stuck_sending = self.stuck_closing = False
        self._incoming = asyncio.Queue()

    def push(self, *frames):
        for frame in frames:
            self._incoming.put_nowait(frame.encode() if isinstance(frame, str) else frame)

    def pong(self):
        self._incoming.put_nowait(None)

    def end(self, reason="the exchange hung up"):
        self._incoming.put_nowait(ConnectionEnded(reason))

    async def send(self, frame):
        if self.closed:
            raise ConnectionEnded("closed")
        if self.stuck_sending:
            await asyncio.Event().wait()
        self.sent.append(frame)
        if self.answer:
            self.push(*self.answer(frame))

    async def ping(self):
        self.sent.append(self.PING)
        if self.answers_pings:
            self.pong()

    async def receive(self):
        frame = await self._incoming.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def close(self):
        self.closed = True
        if self.stuck_closing:
            await asyncio.Event().wait()


class FakeNetwork:
    """A Transport.

    replies    by path: what the next requests get, in order; the last one stays. A reply is bytes, an
               HttpResponse, an exception, or a function of the request that returns one of these (or awaits)
    refusals   exceptions for the next connects, one each
    answer     given to every new connection
    """

    def __init__(self, replies=None, answer=None):
        self.replies = {path: deque(some) for path, some in (replies or {}).items()}
        self.answer = answer
        self.refusals = deque()
        self.requests = []
        self.connections = []
        self.connect_attempts = []
        self.clock = None
        self.closed = False

    def reply(self, path, *replies):
        self.replies[path] = deque(replies)

    @property
    def connection(self):
        """The newest one."""
        return self.connections[-1]

    @property
    def open_connections(self):
        return [connection for connection in self.connections if not connection.closed]

    def paths(self):
        return [request.path for request in self.requests]

    async def request(self, base, request, timeout_seconds):
        self.requests.append(request)
        waiting = self.replies.get(request.path)
        if not waiting:
            return HttpResponse(404, {}, b"{}")
        reply = waiting.popleft() if len(waiting) > 1 else waiting[0]
        if callable(reply):
            reply = reply(request)
            if asyncio.iscoroutine(reply):
                reply = await reply
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, HttpResponse) else HttpResponse(200, {}, reply)

    async def connect(self, url, headers, max_frame_bytes, timeout_seconds):
        self.connect_attempts.append(self.clock.monotonic() if self.clock else None)
        if self.refusals:
            raise self.refusals.popleft()
        connection = FakeConnection(url, headers, self.answer)
        self.connections.append(connection)
        return connection

    async def close(self):
        self.closed = True
