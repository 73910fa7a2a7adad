"""WebSocket clients in a process of their own, as cheap as can be: plain sockets and the frames' bare bytes.

`python -m tests.bench.load_ws --port 8000 --clients 900 --stalled 100 --subscribe '{...}'` prints one line
when all are connected, and after SIGUSR1 one with what they received since the last SIGUSR2 (or the start).
Stalled clients subscribe and then read nothing.
"""

import argparse
import asyncio
import json
import signal
import socket
import struct
import time

import uvloop

from tests.bench.timing import percentile

AT_ONCE = 50
CONNECT_SECONDS = 20
TAIL = 120
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load_ws")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--stalled", type=int, default=0)
    parser.add_argument("--subscribe", action="append", default=[], help="a message that all send")
    parser.add_argument("--stalled-subscribe", action="append", default=[], help="stalled ones, too")
    parser.add_argument("--deep", type=int, default=0, help="so many that read send what stalled ones send")
    parser.add_argument("--renew", type=float, default=0, help="seconds after which stalled ones come anew")
    return parser.parse_args()


class Totals:
    def __init__(self):
        self.reset()
        self.ended = 0

    def reset(self):
        self.lateness, self.lost = [], 0


class Client(asyncio.Protocol):
    """opened: the handshake is over; counts: False for one whose several books would mix."""

    def __init__(self, totals, messages, stalls, counts):
        self.totals, self.messages, self.stalls, self.counts = totals, messages, stalls, counts
        self.buffer, self.sequence = bytearray(), 0
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def connection_lost(self, error):
        self.totals.ended += not self.stalls
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(f"no handshake: {bytes(self.buffer[:200])!r}"))

    def data_received(self, data):
        now = time.time()
        self.buffer += data
        if not self.opened.done():
            self._handshake()
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == TEXT and self.counts:
                self._text(payload, now)
            elif opcode == PING:
                self.transport.write(masked(PONG, payload))

    def _handshake(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self.buffer.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(bytes(self.buffer[:200])))
            return
        del self.buffer[: end + 4]
        for message in self.messages:
            self.transport.write(masked(TEXT, message.encode()))
        if self.stalls:
            self.transport.pause_reading()
        self.opened.set_result(None)

    def _frame(self):
        """The next whole frame: opcode and payload; None where there is none yet."""
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        length, begin = buffer[1], 2
        if length == 126:
            if len(buffer) < 4:
                return None
            length, begin = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            if len(buffer) < 10:
                return None
            length, begin = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < begin + length:
            return None
        opcode, payload = buffer[0], bytes(buffer[begin : begin + length])
        del buffer[: begin + length]
        return opcode, payload

    def _text(self, payload, now):
        """Of a book: `..."sequence":7,"timestamp":"2026-01-31T12:00:59Z"}`."""
        tail = payload[-TAIL:]
        at = tail.rfind(b'"sequence":')
        if at < 0 or b'"timestamp":"' not in tail:
            return
        sequence = int(tail[at + 11 : tail.index(b",", at)])
        if self.sequence and sequence > self.sequence + 1:
            self.totals.lost += sequence - self.sequence - 1
        self.sequence = sequence
        self.totals.lateness.append((now - int(tail[-5:-3])) % 60)


def masked(opcode, payload):
    """A client's frame; the mask of zeros leaves the payload as it is."""
    if len(payload) < 126:
        return struct.pack("!BBI", opcode, 0x80 | len(payload), 0) + payload
    return struct.pack("!BBHI", opcode, 0x80 | 126, len(payload), 0) + payload


async def connect(port, client):
    plain = socket.socket()
    plain.setblocking(False)
    if client.stalls:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, ("127.0.0.1", port))
    await loop.create_connection(lambda: client, sock=plain)
    await asyncio.wait_for(client.opened, CONNECT_SECONDS)
    return client


async def run(chosen):
    loop = asyncio.get_running_loop()
    totals, asked = Totals(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR2, totals.reset)
    loop.add_signal_handler(signal.SIGUSR1, asked.set)
    kinds = [False] * chosen.clients + [True] * chosen.stalled
    clients = []
    began = time.monotonic()
    for start in range(0, len(kinds), AT_ONCE):
        some = [
            new_client(chosen, totals, stalls, deep=start + number < chosen.deep)
            for number, stalls in enumerate(kinds[start : start + AT_ONCE])
        ]
        clients += await asyncio.gather(*(connect(chosen.port, each) for each in some))
    print(json.dumps({"connects": len(clients) / (time.monotonic() - began)}), flush=True)
    renewal = loop.create_task(renew(chosen, totals, clients)) if chosen.renew else None
    await asked.wait()
    if renewal is not None:
        renewal.cancel()
    late = totals.lateness
    reached = [each.sequence for each in clients if each.counts and not each.stalls]
    behind = sum(sequence < max(reached) - 1 for sequence in reached)
    told = {"updates": len(late), "lost": totals.lost, "behind": behind, "ended": totals.ended}
    if late:
        told |= {"median": percentile(late, 0.5), "p99": percentile(late, 0.99), "longest": max(late)}
    print(json.dumps(told), flush=True)
    await asyncio.Event().wait()  # the connections stay open until this process is ended


def new_client(chosen, totals, stalls, deep=False):
    more = chosen.stalled_subscribe if stalls or deep else []
    return Client(totals, chosen.subscribe + more, stalls, counts=not deep)


async def renew(chosen, totals, clients):
    """Who reads nothing is ended by the server some time; it comes again, as real ones do."""
    while True:
        await asyncio.sleep(chosen.renew)
        for number, client in enumerate(clients):
            if client.stalls:
                client.transport.abort()
                try:
                    clients[number] = await connect(chosen.port, new_client(chosen, totals, True))
                except (OSError, TimeoutError):
                    continue  # tried again with the next round


if __name__ == "__main__":
    uvloop.run(run(arguments()))
