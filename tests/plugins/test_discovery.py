import sys
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import pytest

from tests.fakes.exchange import FakeExchange
from twap.entrypoints.discovery import discover, reason_of
from twap.ports.errors import WrongSetting
from twap.ports.hooks import ENTRY_POINT_GROUP, hookimpl


@pytest.fixture
def plugin(monkeypatch):
    """Makes an entry point whose module holds the given functions."""

    def make(name, **functions):
        module = ModuleType(f"plugin_{name}")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return EntryPoint(name, module.__name__, ENTRY_POINT_GROUP)

    return make


def giving(exchange):
    @hookimpl
    def twap_exchange():
        return exchange

    return twap_exchange


def raising(error):
    @hookimpl
    def twap_exchange():
        raise error

    return twap_exchange


def test_discover_when_nothing_is_enabled_by_name_then_all_but_the_simulated_one(plugin):
    names = ["Zeta", "Acme", "Simulated"]
    plugins = [plugin(name.lower(), twap_exchange=giving(FakeExchange(name))) for name in names]
    exchanges, failures = discover(None, plugins)
    assert list(exchanges) == ["Acme", "Zeta"]
    assert failures == {}


def test_discover_when_enabled_by_name_in_any_case_then_those_alone(plugin):
    names = ["Zeta", "Acme", "Simulated"]
    plugins = [plugin(name.lower(), twap_exchange=giving(FakeExchange(name))) for name in names]
    exchanges, _ = discover(["SIMULATED", "zeta"], plugins)
    assert list(exchanges) == ["Simulated", "Zeta"]


def test_discover_when_no_plugin_has_an_enabled_name_then_the_known_ones_and_failures_are_named(plugin):
    plugins = [
        plugin("acme", twap_exchange=giving(FakeExchange("Acme"))),
        plugin("odd", twap_exchange=raising(RuntimeError("no luck"))),
    ]
    with pytest.raises(
        WrongSetting, match=r"TWAP_EXCHANGES.*'Akme'.*Acme; odd failed: RuntimeError: no luck"
    ):
        discover(["Akme"], plugins)


def test_discover_when_another_setting_names_no_plugin_then_that_setting_is_named(plugin):
    plugins = [
        plugin("acme", twap_exchange=giving(FakeExchange("Acme"))),
        plugin("zeta", twap_exchange=giving(FakeExchange("Zeta"))),
        plugin("odd", twap_exchange=raising(RuntimeError("no luck"))),
    ]
    right = {"TWAP_ENDPOINTS": ["ZETA", "odd"], "TWAP_FEES": ["acme"]}
    assert list(discover(["Acme"], plugins, right)[0]) == ["Acme"], "installed, but not enabled, is no error"
    with pytest.raises(WrongSetting, match=r"TWAP_FEES: no plugin gives 'Akme'; installed: Acme, Zeta"):
        discover(["Acme"], plugins, {**right, "TWAP_FEES": ["Akme"]})


def test_discover_when_an_enabled_plugin_fails_then_it_is_a_failure_and_others_are_not_mentioned(plugin):
    plugins = [
        plugin("acme", twap_exchange=raising(RuntimeError("no\nluck"))),
        plugin("odd", twap_exchange=raising(RuntimeError)),
        plugin("zeta", twap_exchange=giving(FakeExchange("Zeta"))),
    ]
    exchanges, failures = discover(["Acme", "Zeta"], plugins)
    assert list(exchanges) == ["Zeta"]
    assert failures == {"acme": "RuntimeError: no luck"}


class WithoutCodec(FakeExchange):
    codec = property(lambda self: self._missing)


class RaisingName(FakeExchange):
    name = property(lambda self: 1 / 0, lambda self, name: None)


class FloatFee(FakeExchange):
    taker_fee = 0.001


class NoMethod(FakeExchange):
    candles = None


def misspelt():
    @hookimpl
    def twap_exchnage():
        return FakeExchange("Acme")

    return twap_exchnage


BAD = {
    "raises": ({"twap_exchange": raising(ValueError("no"))}, "ValueError: no"),
    "exits": ({"twap_exchange": raising(SystemExit(3))}, "SystemExit"),
    "gives nothing": ({"twap_exchange": giving(None)}, "twap_exchange"),
    "has no hook": ({}, "twap_exchange"),
    "misspells the hook": ({"twap_exchnage": misspelt()}, "twap_exchnage"),
    "gives something else": ({"twap_exchange": giving(object())}, "AttributeError"),
    "lacks a member": ({"twap_exchange": giving(WithoutCodec("Acme"))}, "AttributeError"),
    "raises in a member": ({"twap_exchange": giving(RaisingName("Acme"))}, "ZeroDivisionError"),
    "has a float fee": ({"twap_exchange": giving(FloatFee("Acme"))}, "taker_fee is a float, not a Decimal"),
    "has no method": ({"twap_exchange": giving(NoMethod("Acme"))}, "candles can't be called"),
    "has an odd name": ({"twap_exchange": giving(FakeExchange("A,B/C"))}, "the name 'A,B/C'"),
    "has no name": ({"twap_exchange": giving(FakeExchange(""))}, "the name ''"),
}


@pytest.mark.parametrize(("functions", "reason"), BAD.values(), ids=BAD)
def test_discover_when_one_plugin_is_bad_then_it_alone_fails_with_the_reason(plugin, functions, reason):
    good = plugin("zeta", twap_exchange=giving(FakeExchange("Zeta")))
    exchanges, failures = discover(None, [plugin("bad", **functions), good])
    assert list(exchanges) == ["Zeta"]
    assert list(failures) == ["bad"]
    assert reason in failures["bad"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("No such file: '/srv/app data/acme/keys.json'", "No such file: 'keys.json'"),
        ("unknown hook in <module 'acme' from '/usr/lib/python3/acme.py'>", "<module 'acme' from 'acme.py'>"),
        ("/etc/acme.toml is damaged", "acme.toml is damaged"),
        ("https://api.acme.example/v1/pairs and GET /v1/pairs differ", "https://api.acme.example/v1/pairs"),
    ],
)
def test_reason_when_the_error_names_a_file_then_its_folder_is_not_told(text, told):
    assert told in reason_of(OSError(text))
    assert "/usr" not in reason_of(OSError(text))


def test_discover_when_a_module_is_missing_then_only_that_plugin_fails(plugin):
    good = plugin("zeta", twap_exchange=giving(FakeExchange("Zeta")))
    missing = EntryPoint("gone", "a_module_that_is_not_there", ENTRY_POINT_GROUP)
    exchanges, failures = discover(None, [missing, good])
    assert list(exchanges) == ["Zeta"]
    assert "ModuleNotFoundError" in failures["gone"]


def test_discover_when_two_give_one_name_then_the_later_is_a_failure(plugin):
    first, second = FakeExchange("Acme"), FakeExchange("ACME")
    plugins = [
        plugin("acme_two", twap_exchange=giving(second)),
        plugin("acme_one", twap_exchange=giving(first)),
    ]
    exchanges, failures = discover(None, plugins)
    assert exchanges == {"Acme": first}
    assert list(failures) == ["acme_two"]
    assert "another plugin gives ACME already" in failures["acme_two"]


def test_discover_when_failed_plugins_share_a_name_then_both_are_told(plugin):
    missing = [EntryPoint("gone", f"not_there_{number}", ENTRY_POINT_GROUP) for number in range(2)]
    _, failures = discover(None, missing)
    assert list(failures) == ["gone", "gone (2)"]


def test_discover_when_installed_then_every_first_party_exchange_is_sound():
    installed = entry_points(group=ENTRY_POINT_GROUP)
    exchanges, failures = discover([plugin.name for plugin in installed])
    assert failures == {}
    assert {"Binance", "Bybit", "Coinbase", "Kraken", "Kucoin", "OKX", "Simulated"} <= set(exchanges)
    assert all(isinstance(exchange.taker_fee, Decimal) for exchange in exchanges.values())
