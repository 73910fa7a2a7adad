"""A stand-in as a process of its own, at a steady pace until SIGUSR1 says to stand still:
`python -m tests.bench.venue binance --symbols BTCUSDT,ETHUSDT --rate 57`.

Prints one line of JSON with its address when it is ready, and one with what it did when it stands still.
"""

import argparse
import asyncio
import json
import signal
import time

import uvloop

from tests.fakes.exchanges import STAND_INS, base, synthetic

BEAT_SECONDS = 0.01
MOST_AT_ONCE = 100
"""Changes in one beat: a stand-in that can't keep up must still answer."""
KEPT_STATES = 100


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.venue")
    parser.add_argument("exchange", choices=sorted(STAND_INS))
    parser.add_argument("--symbols", required=True, help="native ids, separated by commas")
    parser.add_argument("--rate", type=float, required=True, help="changes per second, of all symbols")
    parser.add_argument("--levels", type=int, default=60, help="a side")
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


async def run(chosen):
    base.HISTORY = KEPT_STATES
    still, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, still.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = synthetic(chosen.exchange, chosen.symbols.split(","), levels=chosen.levels, port=chosen.port)
    async with server:
        print(json.dumps({"rest_url": server.rest_url, "ws_url": server.ws_url}), flush=True)
        playing = asyncio.create_task(play(server, chosen.rate, still))
        await ended.wait()
        playing.cancel()


async def play(server, rate, still):
    began, emitted = time.monotonic(), 0
    while not still.is_set():
        due = int((time.monotonic() - began) * rate) - emitted
        for _ in range(min(due, MOST_AT_ONCE)):
            server.emit(server.market.next_symbol())
            emitted += 1
        await asyncio.sleep(BEAT_SECONDS)
    await server.flush()
    print(json.dumps({"changes": emitted, "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    uvloop.run(run(arguments()))
