"""Binance spot: REST snapshots, streams of differences with update id ranges `U`..`u`.

Rules: binance-spot-api-docs `rest-api.md` and `web-socket-streams.md`.
"""

import json

from aiohttp import web

from tests.fakes.exchanges import candles
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.snapshots import RestSnapshots
from tests.market_data import recording

INTERVALS = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14400,
    "6h": 21600,
    "8h": 28800,
    "12h": 43200,
    "1d": candles.DAY,
    "3d": 3 * candles.DAY,
    "1w": candles.WEEK,
    "1M": candles.MONTH,
}
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
BAN_AFTER = 3
"""Requests over the limit, after which 429 becomes 418."""


class BinanceStandIn(RestSnapshots, StandIn):
    name = "binance"
    sockets = ("/ws", "/ws/{streams}", "/stream")
    default_heartbeat_seconds = 20.0
    frame_limit = (5, 1.0)
    connect_limit = (300, 300.0)
    rest_limit = (6000, 60.0)
    most_streams = 1024

    def add_rest(self):
        self._refused = 0
        self.forget_snapshots()
        self.rest("/api/v3/ping", lambda _query: {}, weight=1)
        self.rest("/api/v3/time", lambda _query: {"serverTime": self._now_ms()}, weight=1)
        self.rest("/api/v3/exchangeInfo", self.exchange_info, weight=20)
        self.rest("/api/v3/klines", self.klines, weight=2)
        self.rest("/api/v3/depth", self.depth, weight=depth_weight)

    def _now_ms(self):
        return int(self.now() * 1000)

    def rest_headers(self):
        return {"X-MBX-USED-WEIGHT-1M": str(self.requests.used)}

    def too_many_requests(self):
        self._refused += 1
        status = 429 if self._refused < BAN_AFTER else 418
        wait = str(int(self.requests.wait_seconds()) + 1)
        body = {"code": -1003, "msg": "Too much request weight used."}
        return web.json_response(body, status=status, headers={"Retry-After": wait})

    def exchange_info(self, query):
        if self.market.recorded:
            listed = json.loads(recording("binance.symbols")[0]["raw"])["symbols"]
            entries = [today(entry) for entry in listed]
        else:
            entries = [entry(listed) for listed in self.market.listings.values()]
            entries.append({**entries[0], "symbol": "OLDUSDT", "baseAsset": "OLD", "status": "BREAK"})
        if status := query.get("symbolStatus"):
            entries = [each for each in entries if each["status"] == status]
        return {
            "timezone": "UTC",
            "serverTime": self._now_ms(),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": entries,
        }

    def klines(self, query):
        symbol, interval = query.get("symbol"), INTERVALS.get(query.get("interval"))
        if symbol not in self.market.books:
            return error(-1121, "Invalid symbol.")
        if interval is None:
            return error(-1120, "Invalid interval.")
        limit = min(int(query.get("limit", 500)), 1000)
        now = int(self.now())
        start, end = query.get("startTime"), query.get("endTime")
        last = min(now, int(end) // 1000) if end else now
        first = -(-int(start) // 1000) if start else 0
        which = {"oldest": limit} if start else {"newest": limit}
        rows = candles.series(symbol, interval, first, last + 1, **which)
        return [kline(row) for row in rows]

    def depth(self, query):
        symbol = query.get("symbol")
        if symbol not in self.market.books:
            return error(-1121, "Invalid symbol.")
        limit = min(int(query.get("limit", 100)), 5000)
        book = self.snapshot_book(symbol)
        bids, asks = book.levels(limit)
        return {"lastUpdateId": book.sequence, "bids": bids, "asks": asks}

    def apply_until(self, book, change, sequence):
        """Which entry belongs to which id is not told: bids come first."""
        book.set_levels(book.bids, change.bids.items())

    def opened(self, connection):
        """Streams may be named in the address already."""
        request = connection.request
        connection.state["combined"] = request.path == "/stream"
        connection.state["streams"] = set()
        named = request.match_info.get("streams") or request.query.get("streams", "")
        self._subscribe(connection, [stream for stream in named.split("/") if stream])

    def received(self, connection, text):
        try:
            message = json.loads(text)
            method, number = message["method"], message["id"]
            params = message.get("params", [])
        except (ValueError, KeyError, TypeError):
            self.violation(f"not a Binance request: {text[:100]}")
            connection.send(json.dumps({"error": {"code": 3, "msg": "Invalid JSON"}}))
            return
        result = None
        if method == "SUBSCRIBE":
            rejected = next((s for s in params if self.faults.take("reject", symbol_of(s))), None)
            if rejected or len(connection.state["streams"] | set(params)) > self.most_streams:
                reply = {"error": {"code": 2, "msg": f"Invalid request: {rejected}"}, "id": number}
                connection.send(json.dumps(reply))
                return
            self._subscribe(connection, params)
        elif method == "UNSUBSCRIBE":
            for stream in params:
                connection.state["streams"].discard(stream)
                connection.subscriptions.pop(symbol_of(stream), None)
        elif method == "LIST_SUBSCRIPTIONS":
            result = sorted(connection.state["streams"])
        connection.send(json.dumps({"result": result, "id": number}))

    def _subscribe(self, connection, streams):
        """Streams of unknown symbols are accepted, and stay silent."""
        for stream in streams:
            connection.state["streams"].add(stream)
            if stream != stream.lower():
                self.violation(f"stream names are lower case: {stream}")
            elif "@depth" in stream and symbol_of(stream) in self.market.books:
                self.subscribed(connection, symbol_of(stream), stream)

    def delta(self, connection, change):
        data = {
            "e": "depthUpdate",
            "E": change.time_ms,
            "s": change.symbol,
            "U": change.first,
            "u": change.last,
            "b": levels(change.bids),
            "a": levels(change.asks),
        }
        if connection.state["combined"]:
            data = {"stream": connection.subscriptions[change.symbol], "data": data}
        yield json.dumps(data, separators=(",", ":"))

    def beat(self, connection):
        connection.ping()

    def shutdown_notice(self, connection):
        notice = {"e": "serverShutdown", "E": self._now_ms()}
        return json.dumps(
            {"stream": "!serverShutdown", "data": notice} if connection.state["combined"] else notice
        )


def symbol_of(stream):
    return stream.split("@")[0].upper()


def levels(side):
    return [[price, quantity if quantity != "0" else "0.00000000"] for price, quantity in side.items()]


def depth_weight(query):
    limit = int(query.get("limit", 100))
    return next((weight for most, weight in DEPTH_WEIGHTS if limit <= most), 250)


def error(code, message):
    return web.json_response({"code": code, "msg": message}, status=400)


def kline(row):
    start, end = row.start * 1000, row.end * 1000
    prices = [row.open, row.high, row.low, row.close, row.volume]
    return [start, *prices, end - 1, row.turnover, row.trades, "0", "0", "0"]


def entry(listed):
    tick, lot = f"{listed.tick:.8f}", f"{listed.lot:.8f}"
    return {
        "symbol": listed.symbol,
        "status": "TRADING" if listed.tradable else "BREAK",
        "baseAsset": listed.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listed.quote,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "900000000.00000000", "stepSize": lot},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }


def today(entry):
    """An entry of 2021 in today's shape."""
    filters = [
        {**each, "filterType": "NOTIONAL"} if each["filterType"] == "MIN_NOTIONAL" else each
        for each in entry["filters"]
    ]
    return {**entry, "filters": filters, "permissions": [], "permissionSets": [entry["permissions"]]}
