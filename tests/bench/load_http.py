"""HTTP clients in a process of their own, as cheap as can be: plain sockets, a new request after each answer.

`python -m tests.bench.load_http --port 8000 --path /ping --seconds 3` prints {} at once, then one line with
the number of answers by status, requests per second and latencies in seconds.
"""

import argparse
import asyncio
import json
import time
from collections import Counter

import uvloop

from tests.bench.timing import percentile

GIVE_UP_SECONDS = 15


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load_http")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", action="append", required=True, help="asked for in turn")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--body", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rate", type=float, help="requests per second of all; without: at once")
    return parser.parse_args()


class Client(asyncio.Protocol):
    """One keep-alive connection.

    A server that announces the connection's end, as Hypercorn does after a thousand requests, gets a new one.

    requests  bytes, sent in turn; every: seconds between two of them, 0 for at once
    """

    def __init__(self, port, requests, first_at, every, deadline, results):
        self.port, self.requests, self.results = port, requests, results
        self.every, self.deadline = every, deadline
        self.turn, self.due, self.sent_at = 0, first_at, 0.0
        self.buffer, self.last = b"", False
        self.ended = asyncio.get_running_loop().create_future()

    async def connect(self):
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)

    def connection_made(self, transport):
        self.transport = transport
        self._later()

    def data_received(self, data):
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        _, _, length = head.lower().partition(b"content-length:")
        if len(body) < int(length.split(b"\r\n", 1)[0]):
            return
        now = time.perf_counter()
        self.results.append((int(head[9:12]), now - self.sent_at))
        self.buffer = b""
        self.last = b"connection: close" in head.lower()
        if not self.last:
            self._later()

    def connection_lost(self, error):
        if self.last:
            self.last = False
            self.connecting = asyncio.get_running_loop().create_task(self.connect())
        elif not self.ended.done():
            self.results.append((0, 0.0))  # broken off
            self.ended.set_result(None)

    def _later(self):
        now = time.perf_counter()
        if now >= self.deadline:
            self.ended.set_result(None)
            self.transport.close()
        elif self.every and self.due > now:
            asyncio.get_running_loop().call_later(self.due - now, self._send)
        else:
            self._send()

    def _send(self):
        self.due += self.every
        self.sent_at = time.perf_counter()
        self.transport.write(self.requests[self.turn % len(self.requests)])
        self.turn += 1


def request(method, path, token, body):
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    return f"{head}\r\n{body}".encode()


async def run(chosen):
    requests = [request(chosen.method, path, chosen.token, chosen.body) for path in chosen.path]
    print("{}", flush=True)
    began = time.perf_counter()
    every = chosen.connections / chosen.rate if chosen.rate else 0
    results = []
    clients = []
    for number in range(chosen.connections):
        first_at = began + number * every / chosen.connections
        client = Client(chosen.port, requests, first_at, every, began + chosen.seconds, results)
        client.turn = number
        await client.connect()
        clients.append(client.ended)
    await asyncio.wait(clients, timeout=chosen.seconds + GIVE_UP_SECONDS)
    seconds = time.perf_counter() - began
    latencies = [latency for status, latency in results if status]
    print(
        json.dumps(
            {
                "statuses": Counter(status for status, _ in results),
                "unanswered": sum(not each.done() for each in clients),
                "rate": len(latencies) / seconds,
                "median": percentile(latencies, 0.5),
                "p99": percentile(latencies, 0.99),
                "longest": max(latencies),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    uvloop.run(run(arguments()))
