"""Clients that mean no good, while an order executes: it must not notice, and neither must other clients."""

import asyncio
import base64
import json
import os
import random
import resource
import struct
import zlib
from contextlib import asynccontextmanager

import pytest

from tests.bench.processes import resident_bytes
from tests.bench.stage import slices

SLICE_SECONDS = 0.5
LATE_SECONDS = 0.6
MORE_MEMORY_BYTES = 64 * 2**20
ANSWERED_SECONDS = 8
TEXT, BINARY, CONTINUED, CLOSE, PING = 0x1, 0x2, 0x0, 0x8, 0x9
FINAL, COMPRESSED = 0x80, 0x40


@asynccontextmanager
async def order_on_time(serve, seconds, **settings):
    """A server that executes an order meanwhile; afterwards: no slice late, no answer 5xx, no crash, and not
    much more memory."""
    server, api = await serve(TWAP_EXCHANGES="Simulated", **settings)
    before = resident_bytes(server.process.pid)
    order_id = await api.submit(
        symbol="BTCUSDT",
        side="buy",
        total_quantity="0.01",
        limit_price=10_000_000,
        duration_seconds=seconds,
        slice_interval_seconds=SLICE_SECONDS,
        exchanges=["Simulated"],
    )
    yield server, api
    while (order := await api.order(order_id))["status"] != "completed":  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    assert order["outcome"] == "filled"
    found = slices(server.database)
    assert max(found.lateness) < LATE_SECONDS
    assert "late" not in found.missed
    async with api.http.get(f"{api.url}/metrics") as answer:
        assert 'status="5' not in await answer.text()
    assert resident_bytes(server.process.pid) - before < MORE_MEMORY_BYTES
    log = server.log.read_text()
    assert "Traceback" not in log, log[-3000:]


# --- /ws ---


def frame(opcode, payload=b"", *, first=FINAL, masked=True):
    mask = b"\x01\x02\x03\x04"
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first | opcode, bit | len(payload))
    elif len(payload) < 2**16:
        head = struct.pack("!BBH", first | opcode, bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first | opcode, bit | 127, len(payload))
    if not masked:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def opened(server):
    """A WebSocket as bare streams. Compression is offered, and must not be agreed on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"permessage-deflate" not in head.lower()
    return reader, writer


async def heard(reader):
    """Opcode and payload of the next frame; None at the end of the connection."""
    try:
        first, length = await reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
        return first & 0x0F, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def said_until_closed(server, sent):
    """All that the server says to these bytes: texts, and the code it closes with (None: it just ends)."""
    reader, writer = await opened(server)
    texts = []
    try:
        writer.write(sent)
        async with asyncio.timeout(ANSWERED_SECONDS):
            while (said := await heard(reader)) is not None:
                opcode, payload = said
                if opcode == CLOSE:
                    return texts, struct.unpack("!H", payload[:2])[0]
                texts.append(payload)
            return texts, None
    finally:
        writer.transport.abort()


BOMB = zlib.compressobj(9, zlib.DEFLATED, -15)
BOMB = BOMB.compress(bytes(16 * 2**20)) + BOMB.flush(zlib.Z_SYNC_FLUSH)
ENDED_WITH = {
    "binary": (frame(BINARY, b"\x00\xff" * 50), {1003}),
    "huge message": (frame(TEXT, b"a" * 300_000), {1009}),
    "huge message in fragments": (
        frame(TEXT, b"a" * 1000, first=0) + frame(CONTINUED, b"a" * 1000, first=0) * 200,
        {1009},
    ),
    "a length of 2**62": (struct.pack("!BBQ", FINAL | TEXT, 0xFF, 2**62) + b"a" * 200_000, {1002, 1009}),
    "compressed, not agreed": (frame(TEXT, BOMB, first=FINAL | COMPRESSED), {1002}),
    "no mask": (frame(TEXT, b'{"action":"ping"}', masked=False), {1002}),
    "invalid UTF-8": (frame(TEXT, b"\xff\xfe{}"), {1007}),
    "unknown opcode": (frame(0x5, b"?"), {1002}),
    "continuation of nothing": (frame(CONTINUED, b"more"), {1002}),
    "fragmented ping": (frame(PING, b"", first=0), {1002}),
    "long ping": (frame(PING, b"p" * 200), {1002}),
    "a flood of empty fragments": (
        frame(TEXT, b"", first=0) + frame(CONTINUED, b"", first=0) * 50_000,
        {1008},
    ),
    "a flood of empty pings": (frame(PING) * 50_000, {1008}),
}


async def ended(server, name):
    sent, codes = ENDED_WITH[name]
    _, code = await said_until_closed(server, sent)
    assert code in codes | {None}, f"{name}: closed with {code}"


def nonsense(chance):
    """Text of every kind: not JSON, JSON of the wrong shape, nested deeply, wrong types."""
    names = ["action", "symbol", "exchanges", "depth", "token"]
    values = [None, 1e308, -1, "", "BTCUSDT", "x" * 500, [], [[]], {}, "subscribe", "\x00", ["Simulated"]]
    kind = chance.randrange(4)
    if kind == 0:
        return "".join(chr(chance.randrange(1, 0xD7FF)) for _ in range(chance.randrange(200)))
    if kind == 1:
        return "[" * chance.randrange(1, 3000)
    if kind == 2:
        return json.dumps({"action": "subscribe"} | {name: chance.choice(values) for name in names[1:]})
    return json.dumps({name: chance.choice(values) for name in names})


async def talks_nonsense(server, seed):
    """Each frame is answered (rate limits included) or the client ended; the connection never just hangs."""
    chance = random.Random(seed)  # noqa: S311
    sent = b"".join(frame(TEXT, nonsense(chance).encode()) for _ in range(60))
    texts, code = await said_until_closed(server, sent + frame(CLOSE, struct.pack("!H", 1000)))
    assert code in {1000, 1008}
    assert all(json.loads(text) for text in texts)


async def half_closed(server):
    """Sends its end, reads on: the server lets go."""
    reader, writer = await opened(server)
    writer.write(frame(TEXT, b'{"action":"ping"}'))
    writer.write_eof()
    async with asyncio.timeout(ANSWERED_SECONDS):
        while await heard(reader) is not None:
            continue
    writer.close()


async def vanishes(server):
    """In the middle of a frame."""
    _, writer = await opened(server)
    writer.write(frame(TEXT, b'{"action":"subscribe"}')[:7])
    await writer.drain()
    writer.transport.abort()


async def test_order_when_ws_clients_send_rubbish_then_on_time_and_each_is_answered_or_ended(serve):
    async with order_on_time(serve, 5) as (server, api), api.live() as live:
        await live.subscribe("BTCUSDT", ["Simulated"])
        rubbish = [ended(server, name) for name in ENDED_WITH for _ in range(3)]
        rubbish += [talks_nonsense(server, seed) for seed in range(15)]
        rubbish += [half_closed(server) for _ in range(5)] + [vanishes(server) for _ in range(20)]
        await asyncio.gather(*rubbish)
        told = len(live.all("order_book_update"))
        await live.first("order_book_update", lambda update: update["sequence"] >= told + 2)


# --- HTTP ---


async def status_of(server, *parts, pause=0.0, patience=ANSWERED_SECONDS):
    """Send these parts; the status of the answer, None where the connection ends without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(patience):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            line = await reader.readline()
    except ConnectionError:
        return None
    finally:
        writer.transport.abort()
    return int(line.split()[1]) if line else None


def head(method="GET", path="/ping", *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


JSON = "Content-Type: application/json"
TOO_BIG = {
    "header": (head("GET", "/ping", "X-Big: " + "a" * 100_000),),
    "many headers": (head("GET", "/ping", *[f"X-{number}: {number}" for number in range(10_000)]),),
    "URL": (head("GET", "/" + "a" * 100_000),),
    "query": (head("GET", "/orders?symbol=" + "a" * 20_000),),
    "announced body": (head("POST", "/login", JSON, "Content-Length: 1000000000"), b"{" * 70_000),
    "sent body": (head("POST", "/login", JSON, "Content-Length: 3000000"), b'"' * 3_000_000),
    "chunked body": (
        head("POST", "/login", JSON, "Transfer-Encoding: chunked"),
        *[b"2000\r\n" + b" " * 0x2000 + b"\r\n" for _ in range(100)],
    ),
}
MALFORMED = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" * 100 + b"\r\n\r\n",),
    "two lengths": (head("POST", "/login", "Content-Length: 2", "Content-Length: 3"), b"{}x"),
    "length and chunks": (
        head("POST", "/login", "Content-Length: 2", "Transfer-Encoding: chunked"),
        b"0\r\n\r\n",
    ),
    "negative length": (head("POST", "/login", "Content-Length: -1"),),
    "bad chunk": (head("POST", "/login", "Transfer-Encoding: chunked"), b"zz\r\n"),
    "line break in a header": (b"GET /ping HTTP/1.1\r\nHost: a\r\nX: a\nY: b\x00\r\n\r\n",),
}


async def refused(server, name, parts):
    status = await status_of(server, *parts)
    assert status is None or 400 <= status < 500, f"{name}: {status}"


async def pipelined(server, count=200):
    """Every one of them is answered, in order."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head() * (count - 1) + head("GET", "/ping", "Connection: close"))
    async with asyncio.timeout(ANSWERED_SECONDS):
        answers = await reader.read()
    writer.close()
    assert answers.count(b"HTTP/1.1 200") == count


async def test_order_when_requests_are_oversized_or_malformed_then_on_time_and_each_refused(serve):
    async with order_on_time(serve, 4) as (server, _):
        rubbish = [refused(server, *each) for each in (TOO_BIG | MALFORMED).items() for _ in range(3)]
        await asyncio.gather(*rubbish, pipelined(server), pipelined(server))


async def test_order_when_senders_are_slow_then_on_time_and_slow_bodies_are_not_waited_for(serve):
    async with order_on_time(serve, 12) as (server, api):
        body = head("POST", "/login", JSON, "Content-Length: 1000")
        slow_bodies = [status_of(server, body, *[b" "] * 5, pause=0.4, patience=14) for _ in range(100)]
        slow_heads = [slow_head(server) for _ in range(200)]
        statuses = await asyncio.gather(*slow_bodies, *slow_heads)
        assert set(statuses[:100]) == {408}
        await api.call("GET", "/orders")


async def slow_head(server):
    """One header after the other, and never the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    for number in range(20):
        writer.write(f"X-{number}: {number}\r\n".encode())
        await asyncio.sleep(0.3)
    assert not reader.at_eof()
    writer.transport.abort()


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    if before[1] < 8192:
        pytest.skip(f"only {before[1]} open files are allowed here")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_order_when_thousands_of_connections_idle_then_on_time_and_others_served(serve, many_files):
    async with order_on_time(serve, 6) as (server, api):
        idle = []
        for _ in range(40):
            plain = (asyncio.open_connection("127.0.0.1", server.port) for _ in range(25))
            sockets = (opened(server) for _ in range(25))
            idle += await asyncio.gather(*plain, *sockets)
        async with api.live() as live:
            await live.subscribe("BTCUSDT", ["Simulated"])
            await live.first("order_book_update")
        await api.call("GET", "/orders")
        assert len(idle) == 2000
        for _, writer in idle:
            writer.transport.abort()
