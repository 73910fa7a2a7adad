"""SIGINT and SIGTERM: a clean end within 5 s whatever clients do; running orders go on afterwards."""

import asyncio
import base64
import os
import signal
import socket

import pytest

from tests.e2e.audit import audited
from tests.e2e.invariants import check_database, discrepancies
from tests.e2e.processes import until

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "LTCUSDT", "XRPUSDT")
GOING_AWAY = 1001
UNFINISHED = (
    b"GET /ping HTT",
    b"GET /ping HTTP/1.1\r\nHost: a\r\nX-Slow: 1\r\n",
    b'POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{"username"',
)


def masked(text):
    """A text frame as a client sends it (RFC 6455, 5.2), of at most 125 bytes; the mask is zero."""
    data = text.encode()
    return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data


async def deaf_client(port):
    """A client that subscribes to a lot, with a tiny buffer, and never reads any of it."""
    loop = asyncio.get_running_loop()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    await loop.sock_connect(deaf, ("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    head = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    await loop.sock_sendall(deaf, head.encode())
    assert b" 101 " in await loop.sock_recv(deaf, 200)
    for symbol in SYMBOLS:
        frame = f'{{"action":"subscribe","symbol":"{symbol}","exchanges":["Binance"],"depth":900}}'
        await loop.sock_sendall(deaf, masked(frame))
    return deaf


async def unfinished_request(port, head):
    """A client that has sent the beginning of a request, and waits."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    await writer.drain()
    return writer


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]],
    ids=["SIGINT", "SIGTERM, and again"],
)
async def test_server_when_told_to_stop_with_clients_connected_then_ends_cleanly_and_orders_go_on(
    stand_in, serve, signals
):
    market = ("--synthetic", ",".join(SYMBOLS), "--levels", "900", "--rate", "10")
    binance = await stand_in("Binance", *market)
    server, api = await serve(binance)
    deaf = await deaf_client(server.port)
    unfinished = [await unfinished_request(server.port, head) for head in UNFINISHED]
    with deaf:
        async with api.live() as books, api.live() as orders:
            await orders.follow_orders(api.token)
            await books.subscribe("BTCUSDT", ["Binance"])
            order_id = await api.submit(
                symbol="BTCUSDT",
                side="buy",
                total_quantity=2,
                limit_price=70_000,
                duration_seconds=10,
                slice_interval_seconds=0.5,
                exchanges=["Binance"],
            )
            await books.first("order_book_update", lambda _: len(books.all("order_book_update")) >= 2)
            await orders.first("order_update", lambda update: update["executions"])
            for number in signals:
                server.signal(number)
            assert await server.end(signals[0]) == 0
            assert await books.closed() == GOING_AWAY
            assert await orders.closed() == GOING_AWAY
            before = orders.executions()
    for writer in unfinished:
        writer.close()
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "Exception" not in log
    [stopped] = check_database(server.database).values()
    assert (stopped["status"], stopped["claim_owner"]) == ("executing", None), "free to be gone on with"
    await server.start()
    await until(lambda: completed(api, order_id), "the order is completed", 15)
    found = await audited(api, order_id, [binance], lot="0.00001")
    after = {each["id"]: each for each in found.executions}
    assert {name: after.get(name) for name in before} == before
    assert len(after) > len(before), "nothing was filled after the new start"
    assert await discrepancies(server.database) == []


async def completed(api, order_id):
    return (await api.order(order_id))["status"] == "completed"
