"""`/ws` under the real server, on loopback: what the in-process client can't show."""

import asyncio
import json
import socket
import struct
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.fakes.clock import settle
from tests.fakes.ws import PATIENCE_SECONDS, WsProgram

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
DEEP = [(f"{price}.00000001", "1234567.12345678") for price in range(1000, 2000)]


class Served(WsProgram):
    """A program that listens; its clock is still the test's."""

    async def __aenter__(self):
        await super().__aenter__()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.websocket_max_message_size = self.services.settings.ws_max_message_bytes
        config.accesslog = config.errorlog = None
        config.graceful_timeout = 2
        self._stop = asyncio.Event()
        self._server = asyncio.create_task(serve(self.app, config, shutdown_trigger=self._stop.wait))
        return self

    async def __aexit__(self, *exc):
        await super().__aexit__(*exc)
        await asyncio.wait_for(self.stop_server(), PATIENCE_SECONDS)

    async def stop_server(self):
        self._stop.set()
        await self._server

    @asynccontextmanager
    async def connected(self, **options):
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{self.port}/ws"
            async with session.ws_connect(url, max_msg_size=0, **options) as client:
                assert (await hear(client))["type"] == "welcome"
                yield client

    async def mute(self):
        """A client that subscribes to a deep book and then reads nothing."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", self.port))
        wanted = {"action": "subscribe", "symbol": "BTCUSDT", "exchanges": ["Binance"], "depth": 1000}
        await loop.sock_sendall(client, HANDSHAKE)
        answer = b""
        while b"welcome" not in answer:
            answer += await loop.sock_recv(client, 4096)
        await loop.sock_sendall(client, text_frame(json.dumps(wanted)))
        while b"subscribe_success" not in answer:
            answer += await loop.sock_recv(client, 4096)
        return client


def text_frame(text):
    """As a client must send it: masked, here with zeros."""
    payload = text.encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return b"\x81" + size + bytes(4) + payload


async def hear(client):
    return json.loads(await asyncio.wait_for(client.receive_str(), PATIENCE_SECONDS))


async def until(condition):
    """Real sockets need real time; bounded."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the sockets tell nobody
            await asyncio.sleep(0.005)


@pytest.fixture
async def served():
    async with Served() as program:
        yield program


async def test_connect_when_the_client_offers_compression_then_none_is_agreed_on(served):
    async with served.connected(compress=15) as client:
        assert not client.compress


async def test_update_when_sent_over_a_socket_then_a_whole_text_frame(served):
    served.show([("100", "1")], DEEP)
    async with served.connected() as client:
        await client.send_json(
            {"action": "subscribe", "symbol": "BTCUSDT", "exchanges": ["Binance"], "depth": 1000}
        )
        assert (await hear(client))["type"] == "subscribe_success"
        await settle()
        await served.clock.advance(1)
        assert len((await hear(client))["order_book"]["asks"]) == 1000


async def test_frame_when_oversized_then_the_client_sees_1009(served):
    async with served.connected() as client:
        await client.send_str("x" * 70_000)
        assert (await client.receive(PATIENCE_SECONDS)).data == 1009


async def test_frame_when_empty_and_binary_then_the_client_sees_1003(served):
    async with served.connected() as client:
        await client.send_bytes(b"")
        assert (await client.receive(PATIENCE_SECONDS)).data == 1003


async def test_frame_when_refused_as_too_big_and_the_client_goes_on_then_dropped(served):
    async with served.connected() as client:
        raw = client._response.connection.transport
        raw.write(b"\x81\xff" + struct.pack(">Q", 10**9) + bytes(4) + b"x" * 200_000)
        await until(lambda: next(iter(served.hub._clients)).wire.broken_off)
        await served.clock.advance(10)
        await until(lambda: not served.hub.counts()["clients"])


@pytest.mark.parametrize("path", [b"/ws", b"/elsewhere"])
async def test_handshake_when_a_frame_comes_with_it_then_refused_and_the_connection_is_closed(served, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(HANDSHAKE.replace(b"/ws", path) + text_frame('{"action": "ping"}'))
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await until(lambda: not served.hub.counts()["clients"])


async def test_client_when_quiet_then_pinged(served):
    async with served.connected(autoping=False) as client:
        await served.clock.advance(21)
        assert (await client.receive(PATIENCE_SECONDS)).type is aiohttp.WSMsgType.PING


async def test_client_when_it_reads_nothing_then_newest_wins_and_it_is_ended_and_nobody_waits(served):
    served.show([("100", "1")], DEEP)
    with await served.mute():
        async with served.connected() as reader:
            await reader.send_json({"action": "subscribe", "symbol": "BTCUSDT", "exchanges": ["Binance"]})
            assert (await hear(reader))["type"] == "subscribe_success"
            for second in range(1, 31):
                await served.clock.advance(1)
                assert (await hear(reader))["sequence"] == second
            await until(lambda: served.hub.counts()["clients"] == 1)
    counts = served.hub.counts()
    assert counts["stalled_ended"] == 1
    assert counts["updates_skipped"] > 0


async def test_close_when_a_client_reads_nothing_then_the_server_ends_within_its_time():
    async with Served() as program:
        program.show([("100", "1")], DEEP)
        with await program.mute():
            for _ in range(8):
                await program.clock.advance(1)
            async with program.connected() as reader:
                started = time.monotonic()
                await program.hub.close(0.5)
                assert (await reader.receive(PATIENCE_SECONDS)).data == 1001
                await program.stop_server()
                took = time.monotonic() - started
                assert took < 2.5, f"the drain took {took:.1f} s"
