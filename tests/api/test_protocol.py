"""Below the app, under the real server: what is no request at all is answered as a problem, and let go."""

import asyncio
import json

import pytest

from tests.api.test_ws_served import Served
from twap.entrypoints.http import protocol

PATIENCE_SECONDS = 5
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
REFUSED = {
    "handshake without a key": (UPGRADE + b"Sec-WebSocket-Version: 13\r\n\r\n", 400),
    "handshake without a version": (UPGRADE + KEY + b"\r\n", 400),
    "handshake of an old version": (UPGRADE + KEY + b"Sec-WebSocket-Version: 8\r\n\r\n", 400),
    "handshake in HTTP/1.0": (
        UPGRADE.replace(b"1.1", b"1.0", 1) + KEY + b"Sec-WebSocket-Version: 13\r\n\r\n",
        400,
    ),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "no host": (b"GET /ping HTTP/1.1\r\n\r\n", 400),
    "unknown coding": (b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: foo\r\n\r\n", 501),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
}


@pytest.fixture
async def port():
    protocol.use()
    async with Served() as program:
        yield program.port


async def said_until_closed(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    finally:
        writer.close()


@pytest.mark.parametrize("name", REFUSED)
async def test_connection_when_no_request_is_understood_then_a_problem_and_closed(port, name):
    sent, status = REFUSED[name]
    head, _, body = (await said_until_closed(port, sent)).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head
    told = json.loads(body)
    assert (told["status"], told.keys()) == (status, {"type", "title", "status", "detail"})


async def test_connection_when_an_upgrade_to_http2_is_asked_for_then_answered_in_http1(port):
    asked = b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    answer = await said_until_closed(port, asked + b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
