"""The plainest FastAPI program under uvicorn that gives the product's answers. Run by its path, with the
Python of an environment that has `fastapi` and `uvicorn[standard]`: the product has neither.
"""

import argparse
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI


def create_app(orders):
    app = FastAPI()

    @app.get("/ping")
    async def ping():
        now = datetime.now(UTC).isoformat()
        return {"status": "ok", "message": "Server is running", "timestamp": now}

    @app.get("/orders")
    async def page() -> list[dict[str, Any]]:
        return orders

    return app


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=Path, required=True)
    chosen = parser.parse_args()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    app = create_app(json.loads(chosen.orders.read_text()))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
