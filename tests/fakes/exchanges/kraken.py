"""Kraken spot, WebSocket v2: books cut to the subscribed depth, CRC32 over the text of bare numbers.

Rules: docs.kraken.com (WebSocket v2 book, checksum guide; REST AssetPairs, OHLC).
"""

import json
import zlib

from aiohttp import web

from tests.fakes.exchanges import candles, views
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.listings import listing
from tests.fakes.exchanges.times import iso

MINUTES = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
MOST_CANDLES = 720
DEPTHS = (10, 25, 100, 500, 1000)
OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
LONG_BASES = {"XBT", "ETH", "XRP", "LTC", "XDG"}
LONG_QUOTES = {"USD": "ZUSD", "EUR": "ZEUR", "XBT": "XXBT", "ETH": "XETH"}


class KrakenStandIn(StandIn):
    name = "kraken"
    sockets = ("/v2",)
    one_id_per_change = True
    default_heartbeat_seconds = 1.0
    frame_limit = (20, 1.0)
    connect_limit = (150, 600.0)
    rest_limit = (20, 20.0)

    def add_rest(self):
        self.pairs = {}
        for symbol in self.market.symbols:
            key, pair = entry(listing(symbol))
            self.pairs[key] = (symbol, pair)
        self.rest("/0/public/AssetPairs", self.asset_pairs)
        self.rest("/0/public/OHLC", self.ohlc)
        self.rest("/0/public/Time", lambda _query: good({"unixtime": int(self.now())}))

    def too_many_requests(self):
        return web.json_response({"error": ["EGeneral:Too many requests"]})

    def asset_pairs(self, _query):
        pairs = {key: pair for key, (_, pair) in self.pairs.items()}
        first = next(iter(pairs.values()))
        pairs["OLDUSD"] = {
            **first,
            "altname": "OLDUSD",
            "wsname": "OLD/USD",
            "base": "OLD",
            "status": "cancel_only",
        }
        return good(pairs)

    def ohlc(self, query):
        """The last 720 whatever `since` is, and the running one; intervals without trades are there."""
        wanted, minutes = query.get("pair"), int(query.get("interval", 1))
        for key, (symbol, pair) in self.pairs.items():
            if wanted in (key, pair["altname"], pair["wsname"], symbol, symbol.replace("/", "")):
                break
        else:
            return {"error": ["EQuery:Unknown asset pair"]}
        if minutes not in MINUTES:
            return {"error": ["EGeneral:Invalid arguments:interval"]}
        begin = int(query.get("since", 0))
        end = int(self.now()) + 1
        rows = candles.series(
            symbol, minutes * 60, 0, end, newest=MOST_CANDLES + 1, monday=False, holes=False
        )
        rows = [row for row in rows if row.start >= begin]
        listed = [ohlc_row(symbol, row) for row in rows]
        return good({key: listed, "last": rows[-2].start if len(rows) > 1 else begin})

    def opened(self, connection):
        status = {
            "version": "2.0.10",
            "system": "online",
            "api_version": "v2",
            "connection_id": connection.number,
        }
        connection.send(json.dumps({"channel": "status", "type": "update", "data": [status]}))

    def received(self, connection, text):
        try:
            message = json.loads(text)
            method = message["method"]
        except (ValueError, KeyError, TypeError):
            self.violation(f"not a Kraken request: {text[:100]}")
            connection.send(json.dumps({"error": "Malformed request", "success": False}))
            return
        if method == "ping":
            self._reply(connection, {"method": "pong"}, message)
        elif method in ("subscribe", "unsubscribe") and message["params"].get("channel") == "book":
            params = message["params"]
            for symbol in params["symbol"]:
                self._book(connection, message, symbol, params.get("depth", 10), params.get("snapshot", True))
        else:
            reply = {"method": method, "error": "Unsupported", "success": False}
            self._reply(connection, reply, message)

    def _reply(self, connection, reply, message):
        now = iso(self.now() * 1000)
        number = {"req_id": message["req_id"]} if "req_id" in message else {}
        connection.send(json.dumps({**reply, **number, "time_in": now, "time_out": now}))

    def _book(self, connection, message, symbol, depth, snapshot):
        """One answer a symbol."""
        method = message["method"]
        error = None
        if symbol not in self.market.books:
            error = f"Currency pair not supported {symbol}"
        elif depth not in DEPTHS:
            error = "Subscription depth not supported"
        elif method == "subscribe" and self.faults.take("reject", symbol):
            error = "Subscription book rejected"
        elif method == "subscribe" and symbol in connection.subscriptions:
            error = "Already subscribed"
        elif method == "unsubscribe" and connection.subscriptions.get(symbol) != depth:
            error = "Subscription Not Found"
        if error:
            reply = {"error": error, "method": method, "success": False, "symbol": symbol}
            self._reply(connection, reply, message)
            return
        result = {"channel": "book", "depth": depth, "snapshot": snapshot, "symbol": symbol}
        self._reply(connection, {"method": method, "result": result, "success": True}, message)
        if method == "unsubscribe":
            connection.subscriptions.pop(symbol)
        else:
            self.subscribed(connection, symbol, depth)
            shown = connection.state[symbol] = views.view(self.market.books[symbol], depth)
            crc = checksum(shown)
            self.remember(symbol, crc)
            if self.faults.take("wrong_snapshot", symbol):
                crc ^= 1
            connection.send(self._frame(symbol, "snapshot", views.levels(shown), crc))

    def _frame(self, symbol, kind, sides, crc, time_ms=None):
        """Numbers are written as they are, trailing zeros and all."""
        bids, asks = (
            ",".join(f'{{"price":{price},"qty":{quantity}}}' for price, quantity in side) for side in sides
        )
        time = iso(time_ms or self.now() * 1000)
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{bids}],"asks":[{asks}],'
            f'"checksum":{crc},"timestamp":"{time}"}}]}}'
        )

    def delta(self, connection, change):
        """Also remembered by checksum, which is all that a client knows of the book's state."""
        symbol, depth = change.symbol, connection.subscriptions[change.symbol]
        before, book = connection.state[symbol], self.market.books[symbol]
        after = connection.state[symbol] = views.view(book, depth)
        sides = views.differences(before, after, book)
        if any(sides):
            crc = checksum(after)
            self.remember(symbol, crc)
            yield self._frame(symbol, "update", sides, crc, change.time_ms)

    def beat(self, connection):
        if connection.subscriptions:
            connection.send('{"channel":"heartbeat"}')


def checksum(shown):
    """CRC32 of ten asks, then ten bids, best first: digits of price and quantity without leading zeros."""
    bids, asks = shown
    best = [*list(asks.values())[:10], *list(bids.values())[:10]]
    text = "".join(number.replace(".", "").lstrip("0") for level in best for number in level)
    return zlib.crc32(text.encode())


def good(result):
    return {"error": [], "result": result}


def ohlc_row(symbol, row):
    if candles.hole(symbol, row.start):
        return [row.start, row.open, row.open, row.open, row.open, "0.0", "0.00000000", 0]
    return [row.start, row.open, row.high, row.low, row.close, row.open, row.volume, row.trades]


def entry(listed):
    """The pair's long name, and its AssetPairs entry."""
    base = OLD_NAMES.get(listed.base, listed.base)
    quote = OLD_NAMES.get(listed.quote, listed.quote)
    long = base in LONG_BASES and quote in LONG_QUOTES
    long_base, long_quote = ("X" + base, LONG_QUOTES[quote]) if long else (base, quote)
    pair = {
        "altname": base + quote,
        "wsname": f"{base}/{quote}",
        "aclass_base": "currency",
        "base": long_base,
        "aclass_quote": "currency",
        "quote": long_quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": listed.price_decimals,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": listed.tick_text,
        "status": "online" if listed.tradable else "cancel_only",
    }
    return long_base + long_quote, pair
