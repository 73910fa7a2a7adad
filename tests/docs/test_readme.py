"""The README keeps its word: its commands run, its tables are complete, its links lead somewhere."""

import asyncio
import json
import os
import re
import shutil
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

from tests.e2e.processes import Server
from twap.entrypoints import discovery
from twap.entrypoints.http.openapi import document
from twap.entrypoints.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON, PLUGIN = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
(CURL,) = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
SERVED = "http://127.0.0.1:8000"

needs_curl = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="curl or bash is not installed"
)


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """Cells of the section's table, by row, without backquotes."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture
async def server(tmp_path):
    async with aiohttp.ClientSession() as http:
        server = Server(http, tmp_path, [], TWAP_EXCHANGES="Simulated")
        await server.start()
        yield server
        await server.stop()


async def ran(server, *command):
    """What the command printed; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=server.folder,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_client_when_its_lines_are_run_then_the_order_completes(server):
    assert SERVED in PYTHON
    out = await ran(server, sys.executable, "-c", PYTHON.replace(SERVED, server.url))
    last = out.splitlines()[-1].split()
    assert last[:2] == ["completed", "100"], out


@needs_curl
async def test_curl_when_its_lines_are_run_then_order_and_report_are_there(server):
    out = await ran(server, "bash", "-euo", "pipefail", "-c", CURL.replace(SERVED, server.url))
    order = json.loads(out[out.index("}{") + 1 :])
    assert (order["symbol"], order["quantity"], order["slices_total"]) == ("BTCUSDT", 0.3, 3)
    assert (order["status"], order["outcome"]) == ("completed", "filled")
    assert "0.3 (100 %)" in (server.folder / "report.html").read_text()


def test_plugin_when_installed_then_a_sound_exchange(monkeypatch):
    module = ModuleType("twap_acme")
    exec(PLUGIN, vars(module))  # noqa: S102 - the README's own lines
    monkeypatch.setitem(sys.modules, module.__name__, module)
    plugin = EntryPoint("acme", module.__name__, "twap.exchanges")
    found, failures = discovery.discover(None, [plugin])
    assert (list(found), failures) == (["Acme"], {})
    body = {
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "status": "TRADING",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
                    {"filterType": "LOT_SIZE", "stepSize": "0.00001", "minQty": "0.00001"},
                ],
            }
        ]
    }
    (instrument,) = found["Acme"].instruments(json.dumps(body).encode())
    assert (instrument.exchange, instrument.symbol) == ("Acme", "BTCUSDT")


def test_settings_when_compared_with_the_program_then_all_are_listed_in_order():
    assert [row[0] for row in rows("Settings")] == [f"TWAP_{name.upper()}" for name in Settings.model_fields]


def test_settings_when_a_default_is_a_plain_value_then_the_table_has_it():
    for name, default, _ in rows("Settings"):
        value = Settings.model_fields[name.removeprefix("TWAP_").lower()].default
        if isinstance(value, bool | int | float | str):
            assert default == str(value).lower(), name


def test_endpoints_when_compared_with_openapi_then_the_same():
    listed = {row[0] for row in rows("Endpoints")} - {"WebSocket `/ws"}
    paths = document()["paths"].items()
    assert listed == {f"{method.upper()} {path}" for path, methods in paths for method in methods}


def test_dependencies_when_compared_with_the_project_then_each_has_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["postgres"], *extras["dashboard"]]
    assert sorted(name for name, _ in rows("Dependencies")) == sorted(
        re.match(r"[\w-]+", each)[0] for each in declared
    )


def test_make_when_named_in_the_readme_then_there_is_such_a_target():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"^    make (\w+)", README, re.MULTILINE)) <= set(targets)
