"""A stand-in as a process of its own:
`python -m tests.fakes.exchanges binance --synthetic BTCUSDT --rate 10`.

Prints one line of JSON with its addresses when it is ready, and runs until it is interrupted.
"""

import argparse
import asyncio
import json
import signal

from tests.fakes.exchanges import STAND_INS, recorded, synthetic


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.exchanges")
    parser.add_argument("exchange", choices=sorted(STAND_INS))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--synthetic", metavar="SYMBOLS", help="native ids, separated by commas")
    parser.add_argument("--rate", type=float, help="changes per second and symbol")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--levels", type=int, default=100, help="a side")
    parser.add_argument("--recording", action="store_true", help="replay the recorded market")
    parser.add_argument("--speed", type=float, default=1, help="of the replay")
    parser.add_argument("--keep-history", action="store_true", help="whole books by sequence")
    chosen = parser.parse_args()
    if bool(chosen.synthetic) == chosen.recording:
        parser.error("choose one of --synthetic and --recording")
    return chosen


async def run(chosen):
    common = {"port": chosen.port, "keep_history": chosen.keep_history}
    if chosen.recording:
        server = recorded(chosen.exchange, speed=chosen.speed, **common)
    else:
        symbols = chosen.synthetic.split(",")
        server = synthetic(
            chosen.exchange, symbols, seed=chosen.seed, levels=chosen.levels, rate=chosen.rate, **common
        )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with server:
        ready = {
            "exchange": server.name,
            "rest_url": server.rest_url,
            "ws_url": server.ws_url,
            "symbols": server.market.symbols,
        }
        print(json.dumps(ready), flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(run(arguments()))
