"""REST beside the plainest programs that give the same answers, and slices beside a storm of logins."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
import subprocess
import tempfile
import venv
from pathlib import Path
from statistics import median

from tests.bench.processes import Child, load
from tests.bench.report import Goal, Section
from tests.bench.stage import UNLIMITED, served, slices, submit, until_over
from tests.e2e.api import PASSWORD

ROUNDS = 5
ROUND_SECONDS = 2
CONNECTIONS = 32
ORDERS, MANY_ORDERS = 50, 20_000
STORM_SECONDS, STORM_RATE, STORM_ORDERS = 12, 50, 20
ENVIRONMENT = Path(tempfile.gettempdir()) / "twap-bench-fastapi"


def run(options):
    section = Section("http")
    section.say(
        f"One process each, {CONNECTIONS} keep-alive connections from a client process of its own, closed "
        f"loop, {ROUNDS} rounds of {ROUND_SECONDS} s by turns; medians of the rounds. `/orders`: {ORDERS} "
        "orders, real token check, SQLite on disk. The floors answer the same without token, storage or "
        "logic: Quart through `jsonify` under Hypercorn (uvloop), FastAPI under uvicorn (uvloop, httptools)."
    )
    python = fastapi_python() if options.peers else None
    if python is None:
        section.say(
            "FastAPI was not measured: `make bench PEERS=1` installs it into an environment of its own."
        )
    rates, goals = asyncio.run(_measure(python))
    section.goal_table(goals)
    section.table(("requests/s (99th percentile)", "/ping", "/orders"), rates)
    section.say(f"Machine: {load()} at the end; server and client share it.")
    return section


def fastapi_python():
    """The Python of an environment with FastAPI and uvicorn, made where there is none yet; None where it
    can't be installed."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", "fastapi", "uvicorn[standard]"]
        if subprocess.run(command, check=False).returncode:
            shutil.rmtree(ENVIRONMENT)
            return None
    return str(python)


async def _measure(python):
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twap-floor-")))
        server, api = await stack.enter_async_context(served(**UNLIMITED))
        await finished_orders(api)
        answer = await text(api, "/orders")
        (folder / "orders.json").write_text(answer)
        (folder / "update.json").write_text("{}")
        ports = {"twap": server.port}
        arguments = "--orders", folder / "orders.json"
        quart = Child("tests.bench.floors.quart_app", *arguments, "--update", folder / "update.json")
        ports["Quart"] = (await stack.enter_async_context(quart)).told["port"]
        if python:
            fastapi = Child("tests.bench.floors.fastapi_app", *arguments, python=python)
            ports["FastAPI"] = (await stack.enter_async_context(fastapi)).told["port"]
        found = {path: await by_turns(ports, path, api.token) for path in ("/ping", "/orders")}
        goals = [goal for path in found for goal in beside_quart(path, found[path])]
        goals.append(await pages(server, api))
        goals += await storm(server, api)
    rows = [(name, *(cell(found[path][name]) for path in found)) for name in ports]
    return rows, goals


async def finished_orders(api):
    """50 orders of this user that change no more: it is reading that is measured."""
    for order_id in await submit(api, ORDERS, 600):
        await api.call("DELETE", f"/orders/{order_id}")


async def text(api, path):
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.http.get(api.url + path, headers=headers) as answer:
        return await answer.text()


async def by_turns(ports, path, token):
    """What the clients of each round told, by contender."""
    told = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            told[name].append(await burst(port, path, token, ROUND_SECONDS))
    return told


async def burst(port, path, token, seconds, *more):
    arguments = ("--port", port, "--path", path, "--token", token, "--seconds", seconds)
    async with Child("tests.bench.load_http", *arguments, "--connections", CONNECTIONS, *more) as clients:
        told = await clients.line(seconds + 30)
        if set(told["statuses"]) - {"200", "429"} or told["unanswered"]:
            raise RuntimeError(f"{path}: {told}")
        return told


def beside_quart(path, told):
    """Goals on the medians of the rounds' ratios."""
    pairs = list(zip(told["twap"], told["Quart"], strict=True))
    rate = median(mine["rate"] / floor["rate"] for mine, floor in pairs)
    p99 = median(mine["p99"] / floor["p99"] for mine, floor in pairs)
    return [
        Goal(f"`GET {path}`: requests/s to Quart + Hypercorn", "≥ 1.0 ×", f"{rate:.2f} ×", rate >= 1),
        Goal(f"`GET {path}`: 99th percentile to the same", "≤ 1.5 ×", f"{p99:.2f} ×", p99 <= 1.5),
    ]


def cell(told):
    rate, p99 = (median(each[what] for each in told) for what in ("rate", "p99"))
    return f"{rate:,.0f} ({p99 * 1000:.1f} ms)"


async def pages(server, api):
    """A page of 50 with 50 orders stored, and with 20,000; the second half of them after the first's page."""
    path = f"/orders?limit={ORDERS}"
    few = [await burst(server.port, path, api.token, ROUND_SECONDS) for _ in range(2)]
    copy_orders(server.database, MANY_ORDERS - ORDERS)
    many = [await burst(server.port, path, api.token, ROUND_SECONDS) for _ in range(2)]
    ratio = max(each["rate"] for each in few) / max(each["rate"] for each in many)
    return Goal(
        f"a page of {ORDERS} with {MANY_ORDERS:,} orders stored, to the same with {ORDERS}",
        "the same (≤ 1.15 ×)",
        f"{ratio:.2f} × the time",
        ratio <= 1.15,
    )


def copy_orders(database, count):
    """Orders of the same user, as they would lie in the database."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as stored, stored:
        columns = [row[1] for row in stored.execute("PRAGMA table_info(orders)")]
        rows = stored.execute("SELECT * FROM orders ORDER BY created_at").fetchall()
        at = {name: columns.index(name) for name in ("entry", "id", "created_at")}
        copies = []
        for number in range(count):
            row = list(rows[number % len(rows)])
            row[at["entry"]], row[at["id"]] = None, f"copy-{number}"
            row[at["created_at"]] -= 1_000_000 * (number + 1)
            copies.append(row)
        marks = ", ".join("?" * len(columns))
        stored.executemany(f"INSERT INTO orders VALUES ({marks})", copies)  # noqa: S608


async def storm(server, api):
    """Logins with the right password, which are served, and with a wrong one."""
    goals = []
    for what, password in (("served", PASSWORD), ("refused", PASSWORD + "x")):
        before = len(slices(server.database).lateness)
        orders = await submit(api, STORM_ORDERS, STORM_SECONDS)
        body = json.dumps({"username": "ada", "password": password})
        arguments = ("--method", "POST", "--body", body, "--rate", STORM_RATE, "--connections", STORM_RATE)
        async with Child(
            "tests.bench.load_http",
            *("--port", server.port, "--path", "/login", "--seconds", STORM_SECONDS - 1),
            *arguments,
        ) as clients:
            told = await clients.line(STORM_SECONDS + 30)
        for order_id in orders:
            await until_over(api, order_id, STORM_SECONDS)
        found = slices(server.database)
        lateness = sorted(found.lateness[before:])
        p99 = lateness[int(0.99 * len(lateness))]
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(told["statuses"].items()))
        goals.append(
            Goal(
                f"{STORM_RATE} logins/s {what} ({statuses}): 99th percentile of lateness of "
                f"{len(lateness)} slices",
                "< 600 ms (better < 100 ms)",
                f"{p99 * 1000:.0f} ms, longest {lateness[-1] * 1000:.0f} ms",
                p99 < 0.6 and "late" not in found.missed,
            )
        )
    return goals
