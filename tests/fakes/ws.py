"""The program's WebSocket in process: a hub, its app and its clients."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

from quart.testing.connections import WebsocketDisconnectError, WebsocketResponseError

from tests.fakes.clock import settle
from tests.fakes.feed import instrument
from tests.fakes.services import make_services
from twap.entrypoints.http.app import create_app
from twap.entrypoints.ws.hub import Hub
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse

PATIENCE_SECONDS = 5
PASSWORD = "correct horse"


class WsClient:
    """One connection. `tell` sends an object as JSON, `send` a frame as it is."""

    def __init__(self, socket):
        self._socket = socket
        self.send = socket.send

    async def tell(self, **message):
        await self.send(json.dumps(message))

    async def hear_text(self):
        return await asyncio.wait_for(self._socket.receive(), PATIENCE_SECONDS)

    async def hear(self):
        """The next message, its fractions as exact decimals."""
        return json.loads(await self.hear_text(), parse_float=Decimal)

    async def ask(self, **message):
        await self.tell(**message)
        return await self.hear()

    async def heard_nothing(self):
        """True where nothing came before the answer to a ping."""
        return await self.ask(action="ping") == {"type": "pong"}

    async def close_code(self):
        try:
            message = await self.hear()
        except WebsocketDisconnectError as error:
            return error.args[0]
        raise AssertionError(f"expected the end, got {message}")


class WsProgram:
    """`async with WsProgram() as program`: the hub runs, its clock is moved by the test."""

    def __init__(self, **replacements):
        self.services = make_services(**replacements)
        self.clock, self.feed = self.services.clock, self.services.feed
        self.hub = Hub(self.services)
        self.app = create_app(self.services)
        self.hub.install(self.app)

    async def __aenter__(self):
        self._running = asyncio.create_task(self.hub.run())
        await settle()
        return self

    async def __aexit__(self, *_):
        await self.hub.close(1)
        self._running.cancel()

    @asynccontextmanager
    async def client(self, **options):
        """A client that has been welcomed."""
        async with self.app.test_client().websocket("/ws", **options) as socket:
            client = WsClient(socket)
            assert (await client.hear())["type"] == "welcome"
            yield client

    async def refusal(self, **options):
        """The answer to a handshake that must be refused."""
        async with self.app.test_client().websocket("/ws", **options) as socket:
            try:
                message = await asyncio.wait_for(socket.receive(), PATIENCE_SECONDS)
            except WebsocketResponseError as error:
                return error.response
        raise AssertionError(f"expected a refusal, got {message}")

    def show(self, bids, asks, exchange="Binance", symbol="BTCUSDT", sequence=7):
        """Makes a live book of pairs of texts."""
        book = self.services.market.open(
            instrument(symbol, exchange), BookRules(), lambda cause, reason: None
        )
        book.connected(Pulse(self.clock.monotonic()))
        book.snapshot(Snapshot(symbol, bids, asks, sequence))
        return book

    async def sign_in(self, name="alice"):
        """Registers and logs in; gives the user and the pair of tokens."""
        user = await self.services.register(name, PASSWORD, "test")
        return user, await self.services.log_in(name, PASSWORD, "test")
