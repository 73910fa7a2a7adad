from contextlib import ExitStack
from decimal import Decimal

import pytest

from twap.entrypoints.cli.demo import demo_settings, port_near
from twap.entrypoints.cli.demo_markets import Choice, NoMarket, choose
from twap.entrypoints.program import listening_socket
from twap.ports.errors import TwapError, WrongSetting


class FakeClient:
    """listed: symbols by exchange, or the error; states: of each book, update by update."""

    def __init__(self, listed, *states):
        self.listed, self.states = listed, states

    async def symbols(self, exchange):
        listed = self.listed[exchange]
        if isinstance(listed, Exception):
            raise listed
        return listed

    async def book(self, symbol, exchanges, depth):
        for states in self.states:
            asks = {"100635.65": [Decimal(1), "Acme"]} if "live" in states else {}
            sources = {name: {"state": state} for name, state in zip(exchanges, states, strict=True)}
            yield {"order_book": {"bids": {}, "asks": asks}, "sources": sources}
        raise TwapError("the server is gone")


async def test_choose_when_some_can_not_be_reached_then_they_are_left_out_with_the_reason():
    listed = {"Acme": ["BTCUSDT"], "Beta": TwapError("no such host"), "Gamma": ["BTCUSDT"], "Zeta": ["X"]}
    twap = FakeClient(listed, ("syncing", "syncing"), ("live", "syncing"))
    choice = await choose(twap, list(listed))
    assert (choice.symbol, choice.exchanges) == ("BTCUSDT", ("Acme",))
    assert choice.left_out == {
        "Beta": "no such host",
        "Zeta": "does not list BTCUSDT",
        "Gamma": "its book did not come in time",
    }


async def test_choose_when_most_list_another_symbol_then_that_one_is_taken():
    listed = {"Acme": ["BTCUSD"], "Beta": ["BTCUSD", "BTCUSDT"]}
    choice = await choose(FakeClient(listed, ("live", "live")), list(listed))
    assert (choice.symbol, choice.exchanges) == ("BTCUSD", ("Acme", "Beta"))


@pytest.mark.parametrize("states", [(), (("syncing",),), (("down",),)])
async def test_choose_when_no_book_is_live_then_no_market(states):
    with pytest.raises(NoMarket) as caught:
        await choose(FakeClient({"Acme": ["BTCUSDT"]}, *states), ["Acme"])
    assert list(caught.value.left_out) == ["Acme"]


@pytest.mark.parametrize(
    ("best_ask", "quantity", "limit_price"),
    [
        ("100635.65", "0.3", "100840"),
        ("3501.27", "9", "3508.3"),
        ("0.19994", "200000", "0.20034"),
    ],
)
def test_choice_when_a_price_is_known_then_quantity_and_limit_have_few_digits(
    best_ask, quantity, limit_price
):
    choice = Choice("BTCUSDT", ("Acme",), Decimal(best_ask), {})
    assert choice.quantity == Decimal(quantity)
    assert choice.limit_price == Decimal(limit_price)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("TWAP_DATABASE_URL", "TWAP_HOST", "TWAP_PORT", "TWAP_EXCHANGES"):
        monkeypatch.delenv(name, raising=False)


def test_settings_when_no_database_is_named_then_one_that_is_thrown_away(alone):
    with ExitStack() as cleanup:
        settings = demo_settings(None, "kraken", cleanup)
        folder = settings.data_dir
        assert folder.is_dir()
        assert str(folder) in settings.database_url
    assert not folder.exists()
    assert settings.exchanges == ("Kraken", "simulated")


def test_settings_when_a_database_is_named_then_it_is_used(alone, monkeypatch, tmp_path):
    url = f"sqlite:///{tmp_path}/kept.sqlite3"
    monkeypatch.setenv("TWAP_DATABASE_URL", url)
    with ExitStack() as cleanup:
        assert demo_settings(8123, None, cleanup).database_url == url


@pytest.mark.parametrize("host", ["nosuch.invalid", "203.0.113.5"])
def test_settings_when_the_host_is_not_of_this_machine_then_it_is_named(alone, monkeypatch, host):
    monkeypatch.setenv("TWAP_HOST", host)
    with ExitStack() as cleanup, pytest.raises(WrongSetting, match=f"TWAP_HOST: '{host}' is no address"):
        demo_settings(None, "kraken", cleanup)


def test_port_when_it_is_taken_then_another_one_and_it_is_said(capsys):
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port_near("127.0.0.1", port) != port
    assert f"port {port} is taken" in capsys.readouterr().err
