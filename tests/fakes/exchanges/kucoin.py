"""Kucoin classic spot: a token for each connection, level2 changes that carry their own sequences.

Rules: kucoin-universal-sdk `spec/rest/api/openapi-spot-market.json`, `spec/ws/openapi-spot-public.json`.
"""

import json
import random

from aiohttp import web

from tests.fakes.exchanges import candles
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.snapshots import RestSnapshots
from tests.market_data import recording

INTERVALS = {
    "1min": 60,
    "3min": 180,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hour": 3600,
    "2hour": 7200,
    "4hour": 14400,
    "6hour": 21600,
    "8hour": 28800,
    "12hour": 43200,
    "1day": candles.DAY,
    "1week": candles.WEEK,
    "1month": candles.MONTH,
}
LEVEL2 = "/market/level2:"
MOST_SYMBOLS = 100
MOST_TOPICS = 300
MOST_CANDLES = 1500


class KucoinStandIn(RestSnapshots, StandIn):
    name = "kucoin"
    frame_limit = (100, 10.0)
    connect_limit = (30, 60.0)
    rest_limit = (2000, 30.0)
    ping_interval_ms = 18_000
    ping_timeout_ms = 10_000

    @property
    def idle_seconds(self):
        return (self.ping_interval_ms + self.ping_timeout_ms) / 1000

    def add_rest(self):
        self._tokens = set()
        self.forget_snapshots()
        self._order = random.Random(self.name)  # noqa: S311
        self.rest("/api/v1/bullet-public", self.bullet, weight=10, method="POST")
        self.rest("/api/v2/symbols", lambda _query: good(self.listed()), weight=4)
        self.rest("/api/v1/market/candles", self.candles, weight=3)
        self.rest("/api/v1/market/orderbook/level2_20", lambda query: self.snapshot(query, 20), weight=2)
        self.rest("/api/v1/market/orderbook/level2_100", lambda query: self.snapshot(query, 100), weight=2)
        self.rest("/api/v3/market/orderbook/level2", self.private, weight=3)

    def too_many_requests(self):
        wait = int(self.requests.wait_seconds() * 1000) + 1
        body = {"code": "429000", "msg": "Too many requests"}
        return web.json_response(body, status=429, headers={"gw-ratelimit-reset": str(wait)})

    def bullet(self, _query):
        token = f"token-{len(self._tokens) + 1}-{self.accepted}"
        self._tokens.add(token)
        server = {
            "endpoint": self.ws_url + "/",
            "encrypt": True,
            "protocol": "websocket",
            "pingInterval": self.ping_interval_ms,
            "pingTimeout": self.ping_timeout_ms,
        }
        return good({"token": token, "instanceServers": [server]})

    def private(self, _query):
        self.violation("the whole book needs a key")
        return bad("400001", "Please check the header of your request for KC-API-KEY", status=401)

    def listed(self):
        if self.market.recorded:
            entries = json.loads(recording("kucoin.symbols")[0]["raw"])["data"]
            return [{"minFunds": each["quoteMinSize"], **each} for each in entries]
        entries = [entry(listed) for listed in self.market.listings.values()]
        return [*entries, {**entries[0], "symbol": "OLD-USDT", "baseCurrency": "OLD", "enableTrading": False}]

    def candles(self, query):
        symbol, interval = query.get("symbol"), INTERVALS.get(query.get("type"))
        if symbol not in self.market.books or interval is None:
            return bad("400100", "This pair is not provided at present")
        end = int(query.get("endAt") or self.now() + 1)
        begin = int(query.get("startAt") or 0)
        rows = candles.series(symbol, interval, begin, min(end, int(self.now()) + 1), newest=MOST_CANDLES)
        return good(
            [
                [str(row.start), row.open, row.close, row.high, row.low, row.volume, row.turnover]
                for row in reversed(rows)
            ]
        )

    def snapshot(self, query, depth):
        symbol = query.get("symbol")
        if symbol not in self.market.books:
            return bad("400100", "symbol not exists")
        book = self.snapshot_book(symbol)
        bids, asks = book.levels(depth)
        time_ms = int(self.now() * 1000)
        return good({"time": time_ms, "sequence": str(book.sequence), "bids": bids, "asks": asks})

    def apply_until(self, book, change, sequence):
        for name, side in (("bids", book.bids), ("asks", book.asks)):
            entries = sorted(self._data(change)["changes"][name], key=lambda entry: int(entry[2]))
            kept = [entry[:2] for entry in entries if int(entry[2]) <= sequence and entry[0] != "0"]
            book.set_levels(side, kept)

    def handshake_refusal(self, request):
        if request.query.get("token") not in self._tokens:
            self.violation("connected without a valid token")
            return "token is invalid"
        return None

    def opened(self, connection):
        number = connection.request.query.get("connectId", "none")
        connection.send(json.dumps({"id": number, "type": "welcome"}))

    def received(self, connection, text):
        try:
            message = json.loads(text)
            number, kind = str(message["id"]), message["type"]
        except (ValueError, KeyError, TypeError):
            self.violation(f"not a Kucoin message: {text[:100]}")
            return
        if kind == "ping":
            connection.send(json.dumps({"id": number, "type": "pong", "timestamp": int(self.now() * 10**6)}))
            return
        topic = message.get("topic", "")
        symbols = topic.partition(":")[2].split(",")
        if reason := self._refusal(connection, kind, symbols):
            reply = {"id": number, "type": "error", "code": "509", "data": reason}
            connection.send(json.dumps(reply))
            return
        # The exchange acknowledges symbols that it does not know, too.
        for symbol in symbols if topic.startswith(LEVEL2) else []:
            if kind == "unsubscribe":
                connection.subscriptions.pop(symbol, None)
            elif symbol in self.market.books:
                self.subscribed(connection, symbol, topic)
        if message.get("response"):
            connection.send(json.dumps({"id": number, "type": "ack"}))

    def _refusal(self, connection, kind, symbols):
        if kind not in ("subscribe", "unsubscribe"):
            self.violation(f"no such type: {kind}")
            return f"type {kind} is invalid"
        if len(symbols) > MOST_SYMBOLS:
            self.violation("too many symbols in a topic")
            return f"exceed max subscription count limitation of {MOST_SYMBOLS} per time"
        if kind == "subscribe" and len(connection.subscriptions) + len(symbols) > MOST_TOPICS:
            self.violation("too many topics on a connection")
            return f"exceed max subscription count limitation of {MOST_TOPICS} per session"
        if kind == "subscribe" and any(self.faults.take("reject", symbol) for symbol in symbols):
            return "topic is invalid"
        return None

    def delta(self, _connection, change):
        message = {
            "topic": LEVEL2 + change.symbol,
            "type": "message",
            "subject": "trade.l2update",
            "data": self._data(change),
        }
        yield json.dumps(message, separators=(",", ":"))

    def _data(self, change):
        """As recorded, or one sequence an entry, in no order; those that change nothing have price "0"."""
        if change.raw:
            return change.raw
        entries = [(side, *level) for side in ("bids", "asks") for level in getattr(change, side).items()]
        numbers = list(range(change.first, change.last + 1))
        entries += [("asks", "0", "0")] * (len(numbers) - len(entries))
        self._order.shuffle(numbers)
        changes = {"asks": [], "bids": []}
        for number, (side, price, quantity) in zip(numbers, entries, strict=True):
            changes[side].append([price, quantity, str(number)])
        change.raw = {
            "changes": changes,
            "sequenceEnd": change.last,
            "sequenceStart": change.first,
            "symbol": change.symbol,
            "time": change.time_ms,
        }
        return change.raw


def good(data):
    return {"code": "200000", "data": data}


def bad(code, message, status=200):
    return web.json_response({"code": code, "msg": message}, status=status)


def entry(listed):
    return {
        "symbol": listed.symbol,
        "name": listed.symbol,
        "baseCurrency": listed.base,
        "quoteCurrency": listed.quote,
        "feeCurrency": listed.quote,
        "market": "USDS",
        "baseMinSize": listed.lot_text,
        "quoteMinSize": "0.1",
        "baseMaxSize": "10000000000",
        "quoteMaxSize": "99999999",
        "baseIncrement": listed.lot_text,
        "quoteIncrement": "0.000001",
        "priceIncrement": listed.tick_text,
        "priceLimitRate": "0.1",
        "minFunds": "0.1",
        "isMarginEnabled": True,
        "enableTrading": listed.tradable,
    }
