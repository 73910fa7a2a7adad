"""The plugin of docs/plugins.md, taken from that page: found, checked and put through the whole suite."""

import re
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from tests.conformance import suite
from tests.conformance.acme_stand_in import AcmeStandIn
from tests.conformance.surroundings import Adjusted
from tests.fakes.exchanges import SyntheticMarket
from twap.entrypoints.discovery import discover
from twap.ports.hooks import ENTRY_POINT_GROUP

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
MODULE = "twap_acme"


@pytest.fixture
def plugin(monkeypatch):
    """As if it had been installed: a module of its own, and an entry point that names it."""
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
        if "class Acme:" in block
    ]
    module = ModuleType(MODULE)
    exec(compile(code, str(PAGE), "exec"), vars(module))  # noqa: S102 - the page is ours
    monkeypatch.setitem(sys.modules, MODULE, module)
    return EntryPoint("acme", MODULE, ENTRY_POINT_GROUP)


@pytest.fixture
def acme(plugin):
    found, failures = discover(["acme"], [plugin])
    assert not failures
    return found["Acme"]


def stand_in(symbols=2, levels=60):
    natives = [f"{base}-USD" for base in ("BTC", "ETH", "SOL", *(f"C{n}" for n in range(17)))][:symbols]
    return AcmeStandIn(SyntheticMarket(natives, levels=levels, one_each=True))


@pytest.mark.parametrize("fault", suite.FAULTS)
async def test_third_party_when_this_fault_befalls_it_then_true_or_honestly_not_live(
    acme, fault, record_property
):
    cell = await suite.check_fault(acme, stand_in(), fault)
    record_property("fault matrix", [list(suite.FAULTS).index(fault), fault, "Acme (docs)", cell])


async def test_third_party_when_its_books_are_checked_then_as_any_other(acme):
    await suite.check_instruments(acme, stand_in())
    await suite.check_deep_book(acme, stand_in(1, 150))
    await suite.check_many_symbols(acme, stand_in(20))
    await suite.check_neighbours(acme, stand_in(3))


async def test_third_party_when_asked_for_candles_then_as_any_other(acme):
    await suite.check_intervals(acme, stand_in())


async def test_third_party_when_fuzzed_then_as_any_other(acme):
    await suite.check_frames(acme, stand_in())
    await suite.check_bodies(acme, stand_in())


def test_third_party_when_put_through_its_paces_then_all_is_well(plugin):
    plugin_check = pytest.importorskip("twap.entrypoints.cli.plugin_check")
    assert [check for check in plugin_check.inspect(plugin) if check.problem] == []


@pytest.mark.parametrize("fault", ["skip", "reorder"])
async def test_suite_when_the_rules_are_too_lax_then_it_says_so(acme, fault):
    lax = Adjusted(acme, rules=replace(acme.rules, contiguous=False))
    with pytest.raises(AssertionError, match="true now but not shown"):
        await suite.check_fault(lax, stand_in(), fault)
