"""The plainest Quart program under Hypercorn and uvloop that gives the product's answers.

`python -m tests.bench.floors.quart_app --orders FILE --update FILE`: GET /ping and /orders through `jsonify`,
/ws sends everybody the same update at each whole second. Prints {"port": n} when it listens.
"""

import argparse
import asyncio
import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, jsonify, websocket


def create_app(orders, update):
    app = Quart(__name__)
    waiting, sequence = set(), 0

    @app.get("/ping")
    async def ping():
        now = datetime.now(UTC).isoformat()
        return jsonify({"status": "ok", "message": "Server is running", "timestamp": now})

    @app.get("/orders")
    async def page():
        return jsonify(orders)

    @app.websocket("/ws")
    async def ws():
        await websocket.accept()
        await websocket.receive()
        while True:
            told = asyncio.get_running_loop().create_future()
            waiting.add(told)
            await websocket.send(await told)

    @app.before_serving
    async def start():
        app.add_background_task(broadcast)

    async def broadcast():
        nonlocal sequence
        while True:
            await asyncio.sleep(1 - time.time() % 1)
            sequence += 1
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            text = json.dumps({**update, "sequence": sequence, "timestamp": now}, separators=(",", ":"))
            for told in waiting:
                told.set_result(text)
            waiting.clear()

    return app


def listening():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=Path, required=True)
    parser.add_argument("--update", type=Path, required=True)
    chosen = parser.parse_args()
    app = create_app(json.loads(chosen.orders.read_text()), json.loads(chosen.update.read_text()))
    listener = listening()
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.backlog = 2048
    config.loglevel = "WARNING"
    uvloop.run(serve(app, config))


if __name__ == "__main__":
    main()
