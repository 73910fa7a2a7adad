"""All six exchanges at once: `twap serve` on stand-ins, 20 symbols each, at ten times the recorded rate."""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import aiohttp

from tests.bench.processes import Child, Watched, allow_many_files, load
from tests.bench.report import Goal, Section
from tests.e2e.processes import Server

RECORDED_RATES = {
    "Binance": 5.7,
    "Bybit": 10.2,
    "Coinbase": 316,
    "Kraken": 93,
    "Kucoin": 125,
    "OKX": 9.1,
}
"""Book changes per second of each recording, all its symbols together: changes applied by the golden
values, divided by the recorded time."""
FASTER = 10
SYMBOLS = 20
DEPTH = 50
SAMPLE_SECONDS = 5
WARM_UP_SECONDS = 20
NATIVE = {"Binance": "{}USDT", "Bybit": "{}USDT", "Coinbase": "{}-USD", "Kraken": "{}/USD"}
FAULTS = ("reconnects", "gaps", "resyncs", "checksum_failures", "malformed")


def run(options):
    section = Section("soak")
    section.say(
        f"`twap serve` on stand-ins of all six exchanges, {SYMBOLS} symbols each, {options.minutes:g} "
        f"minutes. Each stand-in makes {FASTER} times the book changes of its recording "
        f"({', '.join(f'{name} {FASTER * rate:,.0f}/s' for name, rate in RECORDED_RATES.items())}), "
        f"spread over its {SYMBOLS} symbols; one client is subscribed to all {6 * SYMBOLS} books, {DEPTH} "
        "levels a side."
    )
    allow_many_files()
    section.goal_table(asyncio.run(_measure(options.minutes * 60)))
    section.say(f"Machine: {load()} at the end; stand-ins, server and client share it.")
    return section


def natives(exchange):
    names = [f"{first}{second}X" for first in "ABCD" for second in "FGHIJ"][:SYMBOLS]
    return [NATIVE.get(exchange, "{}-USDT").format(name) for name in names]


async def _measure(seconds):
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twap-soak-")))
        timeout = aiohttp.ClientTimeout(30)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        venues = []
        for name, rate in RECORDED_RATES.items():
            venue = Venue(name, http)
            await stack.enter_async_context(venue.started(FASTER * rate))
            venues.append(venue)
        server = Server(http, folder, venues, TWAP_WS_SUBSCRIPTIONS_PER_CLIENT="200")
        stack.push_async_callback(server.stop)
        await server.start()
        books = await stack.enter_async_context(Books.opened(http, server.url, venues))
        watched = Watched(server.process.pid)
        await asyncio.sleep(min(WARM_UP_SECONDS, seconds / 5))
        books.not_live = 0
        before = await _status(http, server.url)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            watched.look()
            await asyncio.sleep(SAMPLE_SECONDS)
        after = await _status(http, server.url)
        not_live, updates = books.not_live, books.updates
        played = [await venue.stand_still() for venue in venues]
        wrong = await _different_books(venues, books)
        began = time.monotonic()
        code = await server.end(signal.SIGTERM, 20)
        stopped = time.monotonic() - began
        warnings = [line for line in server.log.read_text().splitlines() if " info " not in line]
    print("\n".join(warnings[:20]), file=sys.stderr)
    return _goals(watched, (before, after), played, wrong, (not_live, updates), (code, stopped))


class Venue:
    """A stand-in. rate: changes per second that it was asked for."""

    def __init__(self, name, http):
        self.name, self.http, self.rate = name, http, 0
        self.symbols = natives(name)
        self.child = None

    @contextlib.asynccontextmanager
    async def started(self, rate):
        self.rate = rate
        symbols = ",".join(self.symbols)
        async with Child(
            "tests.bench.venue", self.name.lower(), "--symbols", symbols, "--rate", rate
        ) as self.child:
            yield self

    @property
    def endpoints(self):
        return {"rest": self.child.told["rest_url"], "ws": self.child.told["ws_url"]}

    async def stand_still(self):
        """Changes per second that it made."""
        self.child.tell()
        told = await self.child.line(60)
        return told["changes"] / told["seconds"]

    async def ask(self, what, **query):
        url = f"{self.child.told['rest_url']}/control/{what}"
        async with self.http.get(url, params=query) as answer:
            return await answer.json()


class Books:
    """A client with all books: the last update by (exchange, native symbol).

    not_live  updates that said their book was not live
    """

    def __init__(self, socket, venues):
        self.socket = socket
        self.native = {
            (venue.name, symbol.replace("-", "").replace("/", "")): symbol
            for venue in venues
            for symbol in venue.symbols
        }
        self.last, self.updates, self.not_live = {}, 0, 0

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, http, url, venues):
        async with http.ws_connect(url.replace("http", "ws") + "/ws", max_msg_size=2**22) as socket:
            books = cls(socket, venues)
            reader = asyncio.create_task(books.read())
            for exchange, symbol in books.native:
                request = {"action": "subscribe", "symbol": symbol, "exchanges": [exchange], "depth": DEPTH}
                await socket.send_str(json.dumps(request))
                await asyncio.sleep(0.01)
            try:
                yield books
            finally:
                reader.cancel()

    async def read(self):
        async for frame in self.socket:
            message = json.loads(frame.data, parse_float=Decimal, parse_int=Decimal)
            if message.get("type") == "order_book_update":
                (exchange,) = message["exchanges"]
                self.last[exchange, self.native[exchange, message["symbol"]]] = message
                self.updates += 1
                self.not_live += message["sources"][exchange]["state"] != "live"
            elif message.get("type") == "subscribe_failure" or "error" in message:
                raise RuntimeError(f"refused: {message}")


async def _status(http, url):
    async with http.get(f"{url}/exchanges/status") as answer:
        return (await answer.json())["exchanges"]


async def _different_books(venues, books):
    """(exchange, symbol) whose book on /ws is not the stand-in's own, once all stand still."""
    await asyncio.sleep(5)
    wrong = []
    for venue in venues:
        for symbol in venue.symbols:
            truth = await venue.ask("book", symbol=symbol, depth=DEPTH)
            told = books.last.get((venue.name, symbol))
            if told is None or any(
                {Decimal(price): Decimal(quantity) for price, quantity in truth[side]}
                != {Decimal(price): level[0] for price, level in told["order_book"][side].items()}
                for side in ("bids", "asks")
            ):
                wrong.append((venue.name, symbol))
    return wrong


def _goals(watched, statuses, played, wrong, heard, end):
    before, after = statuses
    faults = {
        f"{name} {what}": after[name][what] - before[name][what]
        for name in after
        for what in FAULTS
        if after[name][what] != before[name][what]
    }
    messages = sum(each["messages"] for each in after.values()) - sum(
        each["messages"] for each in before.values()
    )
    span = watched.samples[-1][0] - watched.samples[0][0] + SAMPLE_SECONDS
    wanted = sum(FASTER * rate for rate in RECORDED_RATES.values())
    growth = watched.third(2) / watched.third(1)
    not_live, updates = heard
    code, stopped = end
    return [
        Goal(
            "changes of all stand-ins",
            f"{wanted:,.0f}/s",
            f"{sum(played):,.0f}/s; {messages / span:,.0f} frames/s received",
            sum(played) >= 0.97 * wanted,
        ),
        Goal(
            "memory, last third of the run to the one before",
            "flat (≤ 1.05 ×)",
            f"{watched.third(2) / 2**20:.0f} MiB to {watched.third(1) / 2**20:.0f} MiB: {growth:.3f} ×",
            growth <= 1.05,
        ),
        Goal(
            "gaps, resyncs, reconnects, wrong checksums, malformed frames",
            "none",
            ", ".join(f"{name}: {count}" for name, count in faults.items()) or "none",
            not faults,
        ),
        Goal("updates whose book was not live", "none", f"{not_live} of {updates:,}", not not_live),
        Goal(
            f"books that differ from the stand-in's own at the end, {DEPTH} levels a side",
            "none",
            f"{len(wrong)} of {len(after) * SYMBOLS}" + (f": {wrong[:3]}" if wrong else ""),
            not wrong,
        ),
        Goal("processor time of the server", "", f"{watched.cores:.2f} cores", None),
        Goal("clean stop", "≤ 10 s", f"{stopped:.1f} s, exit code {code}", code == 0 and stopped <= 10),
    ]
