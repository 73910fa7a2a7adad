"""Below the app, under the real server: what is no request at all is answered as a problem, and let go."""

import asyncio
import json

import pytest

from tests.api.test_ws_served import HANDSHAKE, Served
from twap.entrypoints.http import protocol
from twap.entrypoints.ws.limits import MessageRate
from twap.entrypoints.ws.stream import FRAMES_AT_ONCE, FRAMES_PER_SECOND

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
async def program_served():
    protocol.use()
    async with Served() as program:
        yield program


@pytest.fixture
def port(program_served):
    return program_served.port


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


EMPTY_PART, EMPTY_PING, EMPTY_PONG = b"\x00\x80mask", b"\x89\x80mask", b"\x8a\x80mask"


async def is_ended_after(port, frames):
    """Whether a client is ended who sends these frames without a pause."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"welcome")
    writer.write(frames)
    try:
        await asyncio.wait_for(reader.readuntil(b"\x03\xf0too many frames"), PATIENCE_SECONDS)
    finally:
        writer.close()
    return True


@pytest.mark.parametrize("frame", [EMPTY_PART, EMPTY_PONG])
async def test_ws_when_frames_without_content_flood_then_not_taken_and_ended(port, frame, monkeypatch):
    taken, spend = [], MessageRate.spend
    monkeypatch.setattr(MessageRate, "spend", lambda rate, now: (taken.append(now), spend(rate, now)))
    assert await is_ended_after(port, b"\x01\x80mask" + frame * 10_000)
    assert len(taken) <= FRAMES_AT_ONCE + FRAMES_PER_SECOND


async def test_ws_when_pings_flood_then_ended(port):
    assert await is_ended_after(port, EMPTY_PING * 10_000)


async def test_ws_when_a_message_comes_in_many_parts_then_answered(program_served):
    text = json.dumps({"action": "ping", "more": "x" * 20_000}).encode()
    parts = [text[at : at + 100] for at in range(0, len(text), 100)]
    async with program_served.connected() as client:
        for number, part in enumerate(parts):
            opcode = 0 if number else 1
            last = number == len(parts) - 1
            client._writer.transport.write(text_part(opcode, part, last=last))
        assert json.loads((await client.receive()).data) == {"type": "pong"}


def text_part(opcode, payload, *, last):
    """Masked with zeros: the payload as it is."""
    return bytes([opcode | (0x80 if last else 0), 0x80 | len(payload), 0, 0, 0, 0]) + payload
