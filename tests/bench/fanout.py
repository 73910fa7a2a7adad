"""One book to many: lateness, processor time and memory, beside the plainest broadcaster."""

import asyncio
import json
import signal
import tempfile
import time
from pathlib import Path
from statistics import median

import aiohttp

from tests.bench.processes import Child, Watched, allow_many_files, load, resident_bytes
from tests.bench.report import Goal, Section
from tests.bench.stage import served

SUBSCRIBERS = (500, 1_000, 2_000)
SETTLE_SECONDS = 3
SECONDS = 8
ROUNDS = 1
CONNECTION_GOAL_BYTES = 60 * 1024
BOOK = {"action": "subscribe", "symbol": "BTCUSDT", "exchanges": ["Simulated"]}
OTHERS = ("ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT", "ETHBTC")


def run(options):
    section = Section("fanout")
    section.say(
        f"A 10-level book at each whole second, {SECONDS} s, {ROUNDS} rounds by turns, medians. Clients are "
        "bare sockets in a process of their own. The floor is a Quart program under Hypercorn (uvloop) that "
        "sends the same bytes: each client's task waits for the second's text and sends it. Stalled clients "
        "read nothing, and are subscribed to deeper books of seven more symbols besides: every buffer "
        "towards them is full. Beside them stands a run in which one client reads those books."
    )
    allow_many_files()
    rows, goals = asyncio.run(_measure())
    section.goal_table(goals)
    section.table(
        ("subscribers", "server", "lateness: median, 99th percentile", "processor", "memory per client"), rows
    )
    section.say(f"Machine: {load()} at the end; server and clients share it.")
    return section


async def _measure():
    rows, goals = [], []
    with tempfile.TemporaryDirectory(prefix="twap-floor-") as folder:
        update = Path(folder) / "update.json"
        update.write_text(await an_update())
        orders = Path(folder) / "orders.json"
        orders.write_text("[]")
        for count in SUBSCRIBERS:
            found = {"twap": [], "Quart": [], "twap, deeper books": [], "twap, 10 % stalled": []}
            for _ in range(ROUNDS):
                found["twap"].append(await through_twap(count))
                found["Quart"].append(await through_quart(count, orders, update))
                found["twap, deeper books"].append(await through_twap(count, deep=1))
                found["twap, 10 % stalled"].append(await through_twap(count, stalled=count // 10))
            rows += [(f"{count:,}", name, *cells(rounds)) for name, rounds in found.items()]
            goals += compared(count, found)
    return rows, goals


async def an_update():
    """What a client receives, for the floor to send."""
    async with served() as (_, api), api.live() as live:
        await live.subscribe(BOOK["symbol"], BOOK["exchanges"])
        message = await live.first("order_book_update", lambda update: update["order_book"]["bids"])
        return json.dumps(message, default=float)


async def through_twap(count, stalled=0, deep=0):
    async with served() as (server, _):
        return await broadcast(server.process.pid, server.port, count - stalled, stalled, deep)


async def through_quart(count, orders, update):
    arguments = "--orders", orders, "--update", update
    async with Child("tests.bench.floors.quart_app", *arguments) as floor:
        port = floor.told["port"]
        await answered(port)
        return await broadcast(floor.pid, port, count)


async def answered(port):
    """Its modules are loaded when it has answered once."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/ping") as answer:
        await answer.read()


async def broadcast(pid, port, reading, stalled=0, deep=0):
    arguments = ["--port", port, "--clients", reading, "--stalled", stalled, "--deep", deep]
    arguments += ["--subscribe", json.dumps({**BOOK, "depth": 10})]
    for symbol in OTHERS:
        arguments += ["--stalled-subscribe", json.dumps({**BOOK, "symbol": symbol, "depth": 1000})]
    before = resident_bytes(pid)
    async with Child("tests.bench.load_ws", *arguments) as clients:
        await asyncio.sleep(SETTLE_SECONDS)
        await asyncio.sleep(1.5 - time.time() % 1)  # amid a second
        clients.tell(signal.SIGUSR2)
        watched = Watched(pid)
        watched.look()
        await asyncio.sleep(SECONDS)
        watched.look()
        clients.tell()
        told = await clients.line(60)
    told["cores"] = watched.cores
    told["each"] = (watched.samples[-1][1] - before) / (reading + stalled)
    return told


def cells(rounds):
    return (
        f"{middle(rounds, 'median') * 1000:.0f} ms, {middle(rounds, 'p99') * 1000:.0f} ms",
        f"{middle(rounds, 'cores') * 100:.0f} % of a core",
        f"{middle(rounds, 'each') / 1024:.0f} KiB",
    )


def middle(rounds, what):
    return median(each[what] for each in rounds)


def ratio(found, name, other, what):
    pairs = zip(found[name], found[other], strict=True)
    return median(mine[what] / theirs[what] for mine, theirs in pairs)


def compared(count, found):
    p99, cores = (ratio(found, "twap", "Quart", what) for what in ("p99", "cores"))
    stalled_p99, stalled_cores = (
        ratio(found, "twap, 10 % stalled", "twap, deeper books", what) for what in ("p99", "cores")
    )
    mine = [each for name, rounds in found.items() if name != "Quart" for each in rounds]
    lost = sum(each["lost"] + each["behind"] + each["ended"] for each in mine)
    each = middle(found["twap"], "each")
    who = f"{count:,} subscribers"
    return [
        Goal(f"{who}: 99th percentile of lateness to Quart", "≤ 1.2 ×", f"{p99:.2f} ×", p99 <= 1.2),
        Goal(f"{who}: processor time to Quart", "≤ 1.2 ×", f"{cores:.2f} ×", cores <= 1.2),
        Goal(
            f"{who}: 10 % stalled to none",
            "no change (≤ 1.2 ×)",
            f"lateness {stalled_p99:.2f} ×, processor {stalled_cores:.2f} ×",
            stalled_p99 <= 1.2 and stalled_cores <= 1.2,
        ),
        Goal(f"{who}: updates lost, clients behind or ended", "none", f"{lost}", not lost),
        Goal(
            f"{who}: memory of the server for each",
            "≤ 60 KiB",
            f"{each / 1024:.0f} KiB",
            each <= CONNECTION_GOAL_BYTES,
        ),
    ]
