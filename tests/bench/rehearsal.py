"""A busy hour, rehearsed in ten minutes: clients, orders, requests, an exchange that comes and goes."""

import asyncio
import contextlib
import json
import signal
import time

from tests.bench.processes import Child, Watched, allow_many_files, load
from tests.bench.report import Goal, Section
from tests.bench.soak import Venue
from tests.bench.stage import served, slices, submit

READING, STALLED = 900, 100
ORDERS = 200
REQUESTS_PER_SECOND = 50
EXCHANGE, SYMBOL = "Binance", "BTCUSDT"
CHANGES_PER_SECOND = 100
FLAP_EVERY_SECONDS, AWAY_SECONDS = 20, 5
SAMPLE_SECONDS = 5
WARM_UP_SECONDS = 30
LATENESS_GOAL_SECONDS = 0.6
LEAD_SECONDS = 30
"""Orders run that much longer than what is measured."""


def run(options):
    section = Section("rehearsal")
    section.say(
        f"`twap serve` for {options.minutes:g} minutes: {READING + STALLED:,} WebSocket clients with a "
        f"10-level book ({STALLED} of them read nothing, and come anew every 30 s), {ORDERS} orders with a "
        f"slice each second on {EXCHANGE} and Simulated, {REQUESTS_PER_SECOND} requests/s, and {EXCHANGE} (a "
        f"stand-in) dropping its connections every {FLAP_EVERY_SECONDS} s and refusing new ones for "
        f"{AWAY_SECONDS} s."
    )
    allow_many_files()
    section.goal_table(asyncio.run(_measure(options.minutes * 60)))
    section.say(f"Machine: {load()} at the end; server, stand-in and clients share it.")
    return section


async def _measure(seconds):
    async with contextlib.AsyncExitStack() as stack:
        venue = OneSymbol(EXCHANGE, None)
        await stack.enter_async_context(venue.started(CHANGES_PER_SECOND))
        server, api = await stack.enter_async_context(served([venue]))
        venue.http = api.http
        exchanges = [EXCHANGE, "Simulated"]
        orders = await submit(api, ORDERS, int(seconds + LEAD_SECONDS), exchanges)
        clients = await stack.enter_async_context(_ws_clients(server.port, exchanges))
        flapping = asyncio.create_task(_flap(venue))
        await asyncio.sleep(min(WARM_UP_SECONDS, seconds / 5))
        clients.tell(signal.SIGUSR2)
        watched = Watched(server.process.pid)
        requests = await stack.enter_async_context(_http_clients(server.port, api.token, orders[0], seconds))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            watched.look()
            await asyncio.sleep(SAMPLE_SECONDS)
        clients.tell()
        books = await clients.line(60)
        answers = await requests.line(60)
        flapping.cancel()
        status = (await api.feed(EXCHANGE))["reconnects"]
        began = time.monotonic()
        code = await server.end(signal.SIGTERM, 30)
        stopped = time.monotonic() - began
        found = slices(server.database)
    return _goals(watched, found, books, answers, status, (code, stopped))


class OneSymbol(Venue):
    def __init__(self, name, http):
        super().__init__(name, http)
        self.symbols = [SYMBOL]

    async def fault(self, kind, **options):
        url = f"{self.child.told['rest_url']}/control/fault"
        async with self.http.post(url, json={"fault": kind, **options}) as answer:
            answer.raise_for_status()


async def _flap(venue):
    while True:
        await asyncio.sleep(FLAP_EVERY_SECONDS)
        await venue.fault("refuse", seconds=AWAY_SECONDS)
        await venue.fault("drop")


def _ws_clients(port, exchanges):
    book = {"action": "subscribe", "symbol": SYMBOL, "exchanges": exchanges}
    arguments = ["--port", port, "--clients", READING, "--stalled", STALLED, "--renew", 30]
    arguments += ["--subscribe", json.dumps({**book, "depth": 10})]
    for symbol in ("ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT", "ETHBTC"):
        # Enough to fill every buffer between us and who does not read.
        deep = {**book, "symbol": symbol, "exchanges": ["Simulated"], "depth": 1000}
        arguments += ["--stalled-subscribe", json.dumps(deep)]
    return Child("tests.bench.load_ws", *arguments)


def _http_clients(port, token, order_id, seconds):
    arguments = ["--port", port, "--token", token, "--rate", REQUESTS_PER_SECOND, "--connections", 25]
    for path, share in (("/ping", 3), ("/orders?limit=50", 3), ("/exchanges/status", 2), ("/metrics", 1)):
        arguments += ["--path", path] * share
    arguments += ["--path", f"/orders/{order_id}"]
    return Child("tests.bench.load_http", *arguments, "--seconds", seconds)


def _goals(watched, found, books, answers, reconnects, end):
    growth = watched.third(2) / watched.third(1)
    code, stopped = end
    late = sum(each > LATENESS_GOAL_SECONDS for each in found.lateness)
    failed = {status: count for status, count in answers["statuses"].items() if status != "200"}
    missed = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(found.missed.items()))
    return [
        Goal(
            f"slices later than {LATENESS_GOAL_SECONDS * 1000:.0f} ms, or missed as late",
            "none",
            f"{late + found.missed.get('late', 0)} of {len(found.lateness):,}",
            not late and "late" not in found.missed,
        ),
        Goal(
            "lateness of slices, 99th percentile",
            "< 600 ms",
            f"{found.p99() * 1000:.0f} ms, longest {max(found.lateness) * 1000:.0f} ms",
            found.p99() < LATENESS_GOAL_SECONDS,
        ),
        Goal(f"slices that filled less than planned, while {EXCHANGE} was away", "", missed or "none", None),
        Goal(
            "memory, last third of the run to the one before",
            "flat (≤ 1.05 ×)",
            f"{watched.third(2) / 2**20:.0f} MiB to {watched.third(1) / 2**20:.0f} MiB: {growth:.3f} ×",
            growth <= 1.05,
        ),
        Goal(
            f"books to {READING} clients: lost, clients ended",
            "none",
            f"{books['lost']} of {books['updates']:,}; {books['ended']}",
            not books["lost"] and not books["ended"],
        ),
        Goal(
            "books: lateness after the whole second",
            "",
            f"median {books['median'] * 1000:.0f} ms, 99th percentile {books['p99'] * 1000:.0f} ms, "
            f"longest {books['longest'] * 1000:.0f} ms",
            None,
        ),
        Goal(
            "requests answered otherwise than with 200, or not at all",
            "none",
            f"{failed or 'none'}, {answers['unanswered']} unanswered; {answers['rate']:.0f}/s, "
            f"99th percentile {answers['p99'] * 1000:.0f} ms",
            not failed and not answers["unanswered"],
        ),
        Goal(f"times that {EXCHANGE} was connected anew", "", str(reconnects), None),
        Goal("processor time of the server", "", f"{watched.cores:.2f} cores", None),
        Goal("clean stop", "≤ 10 s", f"{stopped:.1f} s, exit code {code}", code == 0 and stopped <= 10),
    ]
