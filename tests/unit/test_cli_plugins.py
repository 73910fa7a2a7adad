import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from typer.testing import CliRunner

from tests.fakes.exchange import FakeExchange
from twap.entrypoints.cli.app import app
from twap.entrypoints.cli.plugin_check import inspect
from twap.ports.exchange import Limits, OpenFeed
from twap.ports.hooks import ENTRY_POINT_GROUP, hookimpl


def twap(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def problems(monkeypatch):
    """What the checks find wrong with an exchange."""

    def find(exchange):
        module = ModuleType("plugin_under_check")

        @hookimpl
        def twap_exchange():
            return exchange

        module.twap_exchange = twap_exchange
        monkeypatch.setitem(sys.modules, module.__name__, module)
        checks = inspect(EntryPoint("acme", module.__name__, ENTRY_POINT_GROUP))
        return [each.problem for each in checks if each.problem]

    return find


class RaisingCodec:
    """Reads frames without caring what is in them."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def receive(self, frame):
        return [json.loads(frame)["type"]]


class Careless(FakeExchange):
    def codec(self):
        return RaisingCodec(super().codec())


class Binary(FakeExchange):
    def codec(self):
        codec = super().codec()
        codec.subscribe = lambda symbols: [b"subscribe"]
        return codec


class Lost(FakeExchange):
    def open_feed(self, handshake):
        return OpenFeed("feed")


@pytest.mark.parametrize("name", ["binance", "bybit", "coinbase", "kraken", "kucoin", "okx", "Simulated"])
def test_check_of_our_own_plugins_then_nothing_is_wrong(name):
    result = twap("plugin", "check", name, "--json")
    assert result.exit_code == 0, result.output
    assert {each["problem"] for each in json.loads(result.stdout)["checks"]} == {None}


def test_check_when_the_codec_raises_anything_then_the_frame_is_shown(problems):
    (found,) = [each for each in problems(Careless("Acme")) if "receive" in each]
    assert "raises" in found


@pytest.mark.parametrize(
    ("exchange", "told"),
    [
        (Binary("Acme"), "a frame to send is a bytes, not text"),
        (
            FakeExchange("Acme", limits=Limits(frames_per_second=0)),
            "limits.frames_per_second is 0, not above 0",
        ),
        (Lost("Acme"), "open_feed: path 'feed'"),
    ],
)
def test_check_when_something_is_wrong_then_it_is_told(problems, exchange, told):
    assert told in problems(exchange)


def test_check_when_the_plugin_can_not_be_loaded_then_that_is_all_it_says(problems):
    (found,) = problems(object())
    assert "AttributeError" in found


def test_check_when_there_is_no_such_plugin_then_the_installed_ones_are_named():
    result = twap("plugin", "check", "nosuch")
    assert result.exit_code == 1
    assert "binance, bybit" in result.stderr


def test_list_when_asked_then_each_plugin_has_its_distribution():
    plugins = json.loads(twap("plugin", "list", "--json").stdout)["plugins"]
    kraken = next(each for each in plugins if each["plugin"] == "kraken")
    assert (kraken["exchange"], kraken["distribution"], kraken["failure"]) == (
        "Kraken",
        "twap-trading-api",
        None,
    )


def test_new_when_written_then_its_own_test_and_all_checks_pass(tmp_path, monkeypatch):
    place = tmp_path / "made"
    assert twap("plugin", "new", "acme_x", "--into", str(place)).exit_code == 0
    monkeypatch.syspath_prepend(str(place))
    checks = inspect(EntryPoint("acme_x", "twap_acme_x", ENTRY_POINT_GROUP))
    assert {each.problem for each in checks} == {None}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=place,
        env={"PYTHONPATH": str(place), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_new_when_the_folder_is_there_then_nothing_is_written(tmp_path):
    result = twap("plugin", "new", "acme", "--into", str(tmp_path))
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Acme", "1acme", "ac-me", "", "../acme"])
def test_new_when_the_name_is_none_of_a_package_then_exit_2(name, tmp_path):
    assert twap("plugin", "new", name, "--into", str(tmp_path / "x")).exit_code == 2
