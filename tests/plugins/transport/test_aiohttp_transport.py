"""The real transport against a server on the loopback."""

import asyncio
import time

import pytest
from aiohttp import WSMsgType, web

from tests.fakes.exchange import FakeExchange, fake_instrument, snapshot_frame
from tests.fakes.ids import CountingIds
from tests.fakes.orders import NOON
from tests.fakes.sink import RecordingSink
from twap.plugins.transport import AiohttpTransport, FeedEngine
from twap.plugins.transport.rest import pause_asked_for
from twap.ports.exchange import Endpoints
from twap.ports.transport import ConnectionEnded, HttpRequest, UpgradeRefused


@pytest.fixture
async def serve():
    """Start a server with one handler for every path; gives its host and port."""
    runners = []

    async def start(handler):
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return "127.0.0.1:{}".format(*site._server.sockets[0].getsockname()[1:2])

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def transport():
    transport = AiohttpTransport(max_body_bytes=1000)
    yield transport
    await transport.close()


def socket_handler(behave):
    async def handler(request):
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await behave(socket)
        return socket

    return handler


async def open_socket(transport, place, max_frame_bytes=1000):
    return await transport.connect(f"ws://{place}/feed", {"X-Test": "1"}, max_frame_bytes, 2)


async def test_request_when_answered_then_status_headers_and_body(serve, transport):
    async def handler(request):
        return web.Response(
            status=429, headers={"Retry-After": "7"}, text=f"{request.method} {request.path_qs}"
        )

    place = await serve(handler)
    request = HttpRequest("/v1/book", {"symbol": "A B", "limit": "5"}, method="POST")
    response = await transport.request(f"http://{place}", request, 2)
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert response.body == b"POST /v1/book?symbol=A+B&limit=5"


async def test_request_when_the_body_never_ends_then_time_out(serve, transport):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x")
            await asyncio.sleep(0.05)
        return response

    place = await serve(handler)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await transport.request(f"http://{place}", HttpRequest("/"), 0.3)
    assert time.monotonic() - began < 2


async def test_request_when_the_body_is_too_large_then_refused(serve, transport):
    async def handler(request):
        return web.Response(body=b"x" * 1001)

    place = await serve(handler)
    with pytest.raises(OSError, match="larger than 1000 bytes"):
        await transport.request(f"http://{place}", HttpRequest("/"), 2)


async def test_request_when_nothing_listens_then_os_error(transport):
    with pytest.raises(OSError, match=r"cannot connect to 127\.0\.0\.1:1"):
        await transport.request("http://127.0.0.1:1", HttpRequest("/"), 2)


async def test_connect_when_refused_then_os_error_without_the_address(serve, transport):
    async def handler(request):
        return web.Response(status=403)

    place = await serve(handler)
    with pytest.raises(OSError, match="HTTP 403") as caught:
        await transport.connect(f"ws://{place}/?token=secret", {}, 1000, 2)
    assert "secret" not in str(caught.value)


async def test_connect_when_refused_with_retry_after_then_the_pause_can_be_read(serve, transport):
    async def handler(_):
        return web.Response(status=429, headers={"Retry-After": "30"})

    with pytest.raises(UpgradeRefused) as caught:
        await open_socket(transport, await serve(handler))
    assert (caught.value.status, pause_asked_for(caught.value.headers, NOON)) == (429, 30)


async def test_connect_when_the_server_says_nothing_then_time_out(serve, transport):
    async def handler(request):
        await asyncio.sleep(5)

    place = await serve(handler)
    with pytest.raises(TimeoutError):
        await transport.connect(f"ws://{place}/", {}, 1000, 0.2)


async def test_receive_when_text_or_binary_then_bytes_and_sent_text_arrives(serve, transport):
    async def behave(socket):
        message = await socket.receive()
        await socket.send_str(message.data)
        await socket.send_bytes(b"\x01\x02")
        await socket.receive()

    connection = await open_socket(transport, await serve(socket_handler(behave)))
    await connection.send("héllo")
    assert await connection.receive() == "héllo".encode()
    assert await connection.receive() == b"\x01\x02"
    await connection.close()


async def test_ping_when_from_either_side_then_answered_and_seen(serve, transport):
    answers = asyncio.Queue()

    async def behave(socket):
        await socket.ping(b"payload")
        while (message := await socket.receive()).type in (WSMsgType.PING, WSMsgType.PONG):
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            else:
                answers.put_nowait(message.data)

    connection = await open_socket(transport, await serve(socket_handler(behave)))
    assert await connection.receive() is None
    assert await asyncio.wait_for(answers.get(), 2) == b"payload"
    await connection.ping()
    assert await asyncio.wait_for(connection.receive(), 2) is None
    await connection.close()


async def test_receive_when_frame_is_over_the_limit_then_ended(serve, transport):
    async def behave(socket):
        await socket.send_str("x" * 2000)
        await socket.receive()

    connection = await open_socket(transport, await serve(socket_handler(behave)))
    with pytest.raises(ConnectionEnded, match="size limit"):
        await connection.receive()


async def test_receive_when_the_exchange_closes_then_ended_with_its_code(serve, transport):
    async def behave(socket):
        await socket.close(code=1012, message=b"restart")

    connection = await open_socket(transport, await serve(socket_handler(behave)))
    with pytest.raises(ConnectionEnded, match="1012"):
        await connection.receive()
    with pytest.raises(ConnectionEnded):
        await connection.send("too late")


async def test_receive_when_the_line_is_cut_then_ended(serve, transport):
    async def handler(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        request.transport.abort()
        return socket

    connection = await open_socket(transport, await serve(handler))
    with pytest.raises(ConnectionEnded):
        await connection.receive()


async def test_close_when_the_other_side_never_answers_then_bounded(serve, transport):
    async def behave(socket):
        await asyncio.sleep(30)

    connection = await open_socket(transport, await serve(socket_handler(behave)))
    began = time.monotonic()
    await connection.close()
    await connection.close()
    assert time.monotonic() - began < 3


class RealClock:
    def now(self):
        raise NotImplementedError

    def monotonic(self):
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


async def test_engine_when_on_a_real_network_then_feeds_and_comes_back(serve):
    snapshots = asyncio.Queue()

    async def behave(socket):
        await socket.receive()
        await socket.receive()
        await socket.send_str(snapshot_frame("BTC-USDT", 7))
        await socket.close()

    place = await serve(socket_handler(behave))
    sink = RecordingSink()
    endpoints = {"Fake": Endpoints(f"http://{place}", f"ws://{place}")}
    engine = FeedEngine({"Fake": FakeExchange()}, sink, RealClock(), CountingIds(0.1), endpoints=endpoints)
    await engine.start()
    engine.acquire(fake_instrument("BTC-USDT"))
    book = sink.books["Fake", "BTCUSDT"]
    book.snapshot = lambda event: snapshots.put_nowait(event.sequence)
    for _ in range(3):
        assert await asyncio.wait_for(snapshots.get(), 5) == 7
    assert engine.status()[0].reconnects == 2
    await engine.close()
