"""Rows of the contract that no other test holds."""

import json
import os
import re
import subprocess
import sys

import aiohttp
import pytest

from tests.api.conftest import make_api, problem
from tests.e2e.processes import Server
from tests.fakes.feed import FakeFeed
from twap.entrypoints.http.openapi_routes import ROUTES
from twap.entrypoints.settings import load_settings
from twap.ports.errors import UpstreamError

SECRET = "tea for two and two for tea, at five"
SIGNED = [route for route in ROUTES if route.token]
KLINES = "/klines/Binance/BTCUSDT?interval=1m&start_time=2025-02-01T00:00&end_time=2025-02-01T01:00"
ENDPOINTS = '{"Binance": {"rest": "http://127.0.0.1:9101"}}'


class NonsensicalFeed(FakeFeed):
    """An exchange whose answers can't be used."""

    async def candles(self, exchange, symbol, interval, start, end):
        raise UpstreamError(exchange, "no JSON")


@pytest.mark.parametrize("route", SIGNED, ids=[f"{route.method} {route.path}" for route in SIGNED])
async def test_route_when_the_token_is_missing_then_401(route):
    api = make_api()
    path = route.path.replace("{order_id}", "0" * 32)
    response = await api.client.open(path, method=route.method)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    await problem(response, 401)


async def test_secure_when_signed_in_then_greets_by_name():
    api = make_api()
    response = await api.client.get("/secure", headers=await api.sign_in("Alice"))
    told = await response.get_json()
    assert told.pop("timestamp").endswith("Z")
    assert told == {"message": "Hello Alice! This is secure data"}


async def test_klines_when_the_exchange_answers_nonsense_then_502():
    api = make_api(feed=NonsensicalFeed())
    told = await problem(await api.client.get(KLINES), 502)
    assert "Binance" in told["detail"]


def endpoints_text(settings):
    chosen = settings.endpoints.items()
    return json.dumps({name: each.model_dump(exclude_none=True) for name, each in chosen})


SETTINGS = {
    "TWAP_HOST": ("0.0.0.0", lambda settings: settings.host),  # noqa: S104 - nothing listens there
    "TWAP_PORT": ("8123", lambda settings: str(settings.port)),
    "TWAP_DATABASE_URL": ("sqlite:///a.sqlite3", lambda settings: settings.database_url),
    "TWAP_EXCHANGES": ("binance,OKX", lambda settings: ",".join(settings.exchanges)),
    "TWAP_SECRET_KEY": (SECRET, lambda settings: settings.secret_key.get_secret_value()),
    "TWAP_ENDPOINTS": (ENDPOINTS, endpoints_text),
    "TWAP_LOG_LEVEL": ("warning", lambda settings: settings.log_level),
    "TWAP_LOG_FORMAT": ("json", lambda settings: settings.log_format),
}


@pytest.mark.parametrize("variable", SETTINGS)
def test_setting_when_set_then_it_counts(monkeypatch, tmp_path, variable):
    text, read = SETTINGS[variable]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, text)
    assert read(load_settings()) == text


async def test_order_when_shown_and_canceled_on_the_command_line_then_both_are_told(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }

    def twap(*arguments, stdin=""):
        command = [sys.executable, "-c", "from twap.entrypoints.cli import main; main()", *arguments]
        options = {"env": {**environment, "TWAP_URL": server.url}, "cwd": tmp_path, "input": stdin}
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async with aiohttp.ClientSession() as http:
        server = Server(http, tmp_path, [], TWAP_EXCHANGES="Simulated")
        try:
            await server.start()
            twap("login", "alice", "--register", "--password-stdin", stdin=f"{SECRET}\n")
            terms = ("--limit", "200000", "--duration", "600", "--exchanges", "simulated")
            submitted = twap("order", "submit", "BTCUSDT", "buy", "6", *terms, "--json")
            order_id = re.search(r'"order_id": "(\w+)"', submitted)[1]
            assert order_id in twap("order", "show", order_id)
            canceled = json.loads(twap("order", "cancel", order_id, "--json"))
            assert (canceled["order_id"], canceled["status"]) == (order_id, "canceled")
        finally:
            await server.stop()
