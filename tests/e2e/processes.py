"""The processes of an end-to-end test: stand-ins for exchanges and the server itself, on loopback."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
SERVE = ["-c", "from twap.entrypoints.cli import main; main()", "serve"]
START_SECONDS = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(condition, what, seconds=10, every=0.02):
    """The first true answer of `condition()`; an AssertionError that says what never came about."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(every)
    return answer


class Process:
    """A process of this test; it never outlives `stop`."""

    process = None

    @property
    def running(self):
        return self.process is not None and self.process.returncode is None

    def signal(self, number):
        self.process.send_signal(number)

    async def kill(self):
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self):
        if self.running:
            await self.kill()


class StandIn(Process):
    """`python -m tests.fakes.exchanges NAME ...`; `port` stays the same over restarts.

    history  whole books [bids, asks] by the sequence they had, as text, of all runs
    """

    def __init__(self, http, name, *arguments):
        self.http, self.name, self.arguments = http, name, arguments
        self.port = 0
        self.url = ""
        self.history = {}

    @property
    def endpoints(self):
        return {"rest": self.url, "ws": self.url.replace("http", "ws")}

    async def start(self, *arguments):
        """arguments  in place of those it was made with"""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.fakes.exchanges", self.name.lower(), "--keep-history", "--port", str(self.port)),
            *(arguments or self.arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        line = await asyncio.wait_for(self.process.stdout.readline(), START_SECONDS)
        self.url = json.loads(line)["rest_url"]
        self.port = int(self.url.rpartition(":")[2])
        return self

    async def control(self, action, **body):
        async with self.http.post(f"{self.url}/control/{action}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def fault(self, kind, **options):
        await self.control("fault", fault=kind, **options)

    async def ask(self, what, **query):
        async with self.http.get(f"{self.url}/control/{what}", params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def books(self, symbol):
        """Every state that this symbol's book has had so far, in this run and those before."""
        fresh = await self.ask("history", symbol=symbol)
        kept = self.history.setdefault(symbol, {})
        kept.update({int(sequence): book for sequence, book in fresh.items()})
        return kept


class Server(Process):
    """`twap serve` on its own port and data folder; both stay the same over restarts."""

    def __init__(self, http, folder, exchanges, **settings):
        self.http, self.folder, self.exchanges = http, folder, exchanges
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.settings = settings

    @property
    def database(self):
        return self.folder / "twap.sqlite3"

    def environment(self):
        """Nothing of ours from outside, and no `.env` of the folder that the tests run in."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TWAP_")}
        endpoints = {stand_in.name: stand_in.endpoints for stand_in in self.exchanges}
        return {
            **inherited,
            "TWAP_PORT": str(self.port),
            "TWAP_DATA_DIR": str(self.folder),
            "TWAP_EXCHANGES": ",".join(endpoints),
            "TWAP_ENDPOINTS": json.dumps(endpoints),
            **self.settings,
        }

    async def spawn(self):
        """Started, but perhaps not serving yet."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *SERVE, cwd=self.folder, env=self.environment(), stdout=log, stderr=log
            )

    async def start(self):
        await self.spawn()
        await until(self.is_ready, f"the server is ready; its log: {self.log}", START_SECONDS)
        return self

    async def is_ready(self):
        assert self.running, f"the server has ended: {self.log.read_text()[-2000:]}"
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with self.http.get(f"{self.url}/health/ready") as answer:
                return answer.status == 200
        return False

    async def end(self, number, seconds=5):
        """Its exit code after that signal; an AssertionError where it goes on for longer."""
        self.signal(number)
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            raise AssertionError(f"the server did not end within {seconds} s of {number!r}") from None
