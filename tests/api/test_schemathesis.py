"""The OpenAPI document and the server agree: schemathesis tries what is allowed, and what is not."""

import asyncio
import subprocess
import sys
import threading

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.api.conftest import make_api
from tests.fakes.ids import CountingIds
from twap.domain.throttle import RateLimit, Throttle
from twap.plugins.auth.keyring import load_keyring
from twap.plugins.auth.tokens import JoseTokens

SETTINGS = """
[checks]
# DELETE cancels an order; it stays for the record.
use_after_free.enabled = false
# What no schema can say (start before end, a name that is taken, a cursor of this server) is refused too.
positive_data_acceptance.expected-statuses = [
    "2xx", "3xx", "400", "401", "403", "404", "409", "422", "429", "503"
]
"""


class Server(threading.Thread):
    """An app under Hypercorn on a free port of loopback, with one user signed in."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api, self.started, self.port, self.headers = api, threading.Event(), None, None

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        self.headers = await self.api.sign_in()
        config = Config()
        config.bind, config.errorlog = ["127.0.0.1:0"], None  # else it changes the logging of the process
        sockets = config.create_sockets()
        self.port = sockets.insecure_sockets[0].getsockname()[1]
        config.create_sockets = lambda: sockets
        self.started.set()
        await serve(self.api.client.app, config, shutdown_trigger=self.stop.wait)

    def end(self):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.join(10)


@pytest.fixture
def server(tmp_path):
    api = make_api(
        tokens=JoseTokens(load_keyring(None, tmp_path)),
        ids=CountingIds(),
        throttle=Throttle(10**6, 10**6),
        registrations=RateLimit(10**6, 60),
    )
    server = Server(api)
    server.start()
    assert server.started.wait(10), "the server did not start"
    yield server
    server.end()


@pytest.mark.e2e
def test_api_when_schemathesis_tries_it_then_the_document_is_kept(server, tmp_path):
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"]
    command += [f"http://127.0.0.1:{server.port}/openapi.json", "--checks", "all", "--max-examples", "10"]
    command += ["--seed", "1", "-H", f"Authorization: {server.headers['Authorization']}"]
    # These would end the one login that the run has.
    command += ["--exclude-path", "/logout", "--exclude-path", "/unregister"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]
