"""What all stand-ins share: a server on loopback, its connections, its market and its faults."""

import asyncio
import contextlib
import time
from collections import deque

from aiohttp import web

from tests.fakes.exchanges import control, faults
from tests.fakes.exchanges.connection import Connection
from tests.fakes.exchanges.limits import Window
from tests.fakes.exchanges.rest import RestSide

HISTORY = 20_000
"""States of a book that are remembered by sequence."""


class StandIn(RestSide):
    """An exchange on 127.0.0.1. Start with `async with`, or `start()` and `stop()`, also again and again.

    market             SyntheticMarket or RecordedMarket
    port               0: any free one; it stays the same over restarts
    rate               changes per second and symbol, by itself (None: only on `emit` and `step`; a recording
                       is replayed at `speed` times its pace where `speed` is set)
    keep_history       in `history` (symbol, sequence as clients know it), keep whole books instead of tops
    heartbeat_seconds  between the exchange's own signs of life (None: only on `beat_all`)
    now                Unix seconds; where the newest candle is
    """

    name = ""
    sockets = ("/",)
    one_id_per_change = False
    default_heartbeat_seconds = None
    subscribe_within_seconds = None
    idle_seconds = None
    pushes_keep_alive = False
    frame_limit = (100, 1.0)
    connect_limit = (300, 300.0)
    rest_limit = (600, 60.0)
    close_code = 1001

    def __init__(
        self,
        market,
        *,
        port=0,
        rate=None,
        speed=None,
        keep_history=False,
        heartbeat_seconds=None,
        now=time.time,
    ):
        self.market, self.port, self.rate, self.speed = market, port, rate, speed
        self.keep_history, self.now = keep_history, now
        self.heartbeat_seconds = heartbeat_seconds or self.default_heartbeat_seconds
        self.faults = faults.Faults()
        self.connections, self.violations = [], []
        self.log = deque(maxlen=100_000)
        self.connects = Window(*self.connect_limit)
        self.requests = Window(*self.rest_limit)
        self.accepted = 0
        self.last_change = {}
        self.history = {symbol: {} for symbol in market.symbols}
        for symbol in market.symbols:
            self.remember(symbol)
        self._runner, self._player, self._first_subscription = None, None, asyncio.Event()

    # --- running ---

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.stop()

    async def start(self):
        app = web.Application()
        self.app_routes = app.router
        control.add_routes(app.router, self)
        for path in self.sockets:
            app.router.add_get(path, self._accept)
        self.add_rest()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        if self.rate or self.speed:
            self._player = asyncio.create_task(self._play())

    async def stop(self):
        """As a crash looks from outside: connections break, the port is closed. The market stands still."""
        if self._player:
            self._player.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._player
            self._player = None
        for connection in list(self.connections):
            connection.abort()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    @property
    def rest_url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self):
        return f"ws://127.0.0.1:{self.port}"

    async def _play(self):
        if self.market.recorded and self.speed:
            await self._first_subscription.wait()
            while (pause := self.market.pause_seconds()) is not None:
                await asyncio.sleep(pause / self.speed)
                self.emit(self.market.next_symbol())
        while self.rate:
            await asyncio.sleep(1 / self.rate / len(self.market.symbols))
            self.emit(self.market.next_symbol())

    # --- the market ---

    def emit(self, symbol):
        """Change this symbol's true book and tell its subscribers. Nothing, at a recording's end."""
        self.before_change(symbol)
        crossed = self.faults.take("crossed", symbol)
        change = self.market.cross(symbol) if crossed else self.market.step(symbol)
        if change is not None:
            self.last_change[symbol] = change
            self.remember(symbol)
            self.publish(change)
        return change

    async def step(self, count=1, symbol=None):
        """Emit so many changes, of this symbol or of all in turn, and wait until they are written out."""
        for _ in range(count):
            if (turn := symbol or self.market.next_symbol()) is not None:
                self.emit(turn)
        await self.flush()

    async def flush(self):
        """Until everything has been handed to the network."""
        await asyncio.gather(*(connection.outgoing.join() for connection in list(self.connections)))

    def book(self, symbol, depth=None):
        """The true book: bids and asks, best first, [price, quantity] as text, and its sequence."""
        book = self.market.books[symbol]
        return *book.levels(depth), book.sequence

    def remember(self, symbol, sequence=None):
        """Keep the book's state under the sequence by which clients know it."""
        book, kept = self.market.books[symbol], self.history[symbol]
        kept[book.sequence if sequence is None else sequence] = (
            book.levels() if self.keep_history else book.top()
        )
        if len(kept) > HISTORY:
            del kept[next(iter(kept))]

    def publish(self, change):
        followers = self._concerned(change.symbol)
        effects = self.faults.take_for_delta(change.symbol) if followers else {}
        for connection in followers:
            for frame in self.delta(connection, change):
                self._deliver(connection, frame, effects, change)

    def _deliver(self, connection, frame, effects, change):
        for odd in faults.odd_frames(effects):
            connection.send(odd)
        if "skip" in effects:
            return
        if "corrupt" in effects:
            frame = faults.corrupted(frame, effects["corrupt"], change)
        if "reorder" in effects:
            connection.held.append(frame)
            return
        delay = effects["delay"].options.get("delay_seconds", 1) if "delay" in effects else 0
        for _ in range(2 if "duplicate" in effects else 1):
            connection.send(frame, delay)
        while connection.held:
            connection.send(connection.held.pop(0))

    # --- faults ---

    def fault(self, kind, symbol=None, count=None, seconds=None, **options):
        """Bring a fault about (see `faults`). Without `count` or `seconds`: until `clear_faults`."""
        if kind in faults.AT_ONCE:
            for connection in self._concerned(symbol)[:count]:
                self._end(connection, kind, seconds, options)
            return
        added = self.faults.add(kind, symbol, count, seconds, **options)
        if kind == "half_open":
            for connection in self._concerned(symbol)[:count]:
                connection.silent = True
            if count is not None or symbol is not None:
                self.faults.active.remove(added)  # these connections alone, none that comes later

    def clear_faults(self):
        """Connections that are half open stay so."""
        self.faults.clear()

    def _concerned(self, symbol):
        return [each for each in self.connections if symbol is None or symbol in each.subscriptions]

    def _end(self, connection, kind, seconds, options):
        if kind == "drop":
            connection.abort()
            return
        if kind == "shutdown" and (notice := self.shutdown_notice(connection)):
            connection.send(notice)
        connection.outgoing.put_nowait(((options.get("code", self.close_code), b"going away"), seconds or 0))

    def violation(self, text):
        """A client did what the exchange does not allow."""
        self.violations.append(text)

    # --- WebSocket ---

    async def _accept(self, request):
        if refusal := self.faults.take("refuse"):
            if refusal.options.get("mode") == "close":
                request.transport.abort()
            return web.Response(status=503, text="unavailable")
        if not self.connects.hit():
            self.violation("too many connections")
            return web.Response(status=429, text="too many connections")
        if reason := self.handshake_refusal(request):
            return web.Response(status=401, text=reason)
        socket = web.WebSocketResponse(autoping=False, autoclose=False, max_msg_size=2**20)
        await socket.prepare(request)
        self.accepted += 1
        connection = Connection(self, request, socket)
        connection.silent = self.faults.find("half_open") is not None
        self.connections.append(connection)
        self.log.append({"connection": connection.number, "opened": request.path_qs})
        try:
            await connection.run()
        finally:
            self.connections.remove(connection)
            self.log.append({"connection": connection.number, "closed": True})
        return socket

    def subscribed(self, connection, symbol, channel):
        connection.subscriptions[symbol] = channel
        self._first_subscription.set()

    def beat_all(self):
        for connection in list(self.connections):
            self.beat(connection)

    # --- what an exchange adds ---

    def before_change(self, symbol):
        """The true book is about to change."""

    def handshake_refusal(self, request):
        """Why this connection is not allowed; None: it is."""

    def opened(self, connection):
        """A connection is there: welcome it."""

    def received(self, connection, text):
        """A frame of the client."""
        raise NotImplementedError

    def delta(self, connection, change):
        """Frames that tell this subscriber of a change of the true book (already applied)."""
        raise NotImplementedError

    def beat(self, connection):
        """Send the exchange's own sign of life."""

    def shutdown_notice(self, connection):
        """A frame that announces the end of the connection; None where the exchange has none."""
