"""Bybit v5 spot: snapshots in the stream, a fixed number of levels, `u` contiguous by symbol.

Rules: bybit-exchange/docs `docs/v5/` (connect, orderbook, kline, instrument, rate-limit).
"""

import json

from aiohttp import web

from tests.fakes.exchanges import candles, views
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.listings import listing

INTERVALS = {
    **{str(minutes): minutes * 60 for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": candles.DAY,
    "W": candles.WEEK,
    "M": candles.MONTH,
}
DEPTHS = (1, 50, 200, 1000)
MOST_ARGS = 10
MOST_ARGS_TEXT = 21_000


class BybitStandIn(StandIn):
    name = "bybit"
    sockets = ("/v5/public/spot",)
    one_id_per_change = True
    idle_seconds = 600
    pushes_keep_alive = True
    frame_limit = (100, 1.0)
    connect_limit = (500, 300.0)
    rest_limit = (600, 5.0)

    def add_rest(self):
        self.rest("/v5/market/instruments-info", self.instruments)
        self.rest("/v5/market/kline", self.klines)
        self.rest("/v5/market/time", lambda _query: self._answer({}))

    def _answer(self, result, code=0, message="OK"):
        """Errors come with HTTP 200 as well."""
        time_ms = int(self.now() * 1000)
        return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": time_ms}

    def too_many_requests(self):
        return web.Response(status=403, text="access too frequent. Please try again later.")

    def instruments(self, query):
        if query.get("category") != "spot":
            return self._answer({}, 10001, "params error: Category is invalid")
        entries = [entry(listing(symbol)) for symbol in self.market.symbols]
        entries.append({**entries[0], "symbol": "OLDUSDT", "baseCoin": "OLD", "status": "PreLaunch"})
        return self._answer({"category": "spot", "list": entries})

    def klines(self, query):
        symbol, interval = query.get("symbol"), INTERVALS.get(query.get("interval"))
        if query.get("category") != "spot":
            self.violation("without a category these are linear contracts")
        if symbol not in self.market.books or query.get("category") != "spot":
            return self._answer({}, 10001, "Not supported symbols")
        if interval is None:
            return self._answer({}, 10001, "Invalid period!")
        limit = min(int(query.get("limit", 200)), 1000)
        start, end = query.get("start"), query.get("end")
        last = min(int(end) // 1000 if end else int(self.now()), int(self.now()))
        first = -(-int(start) // 1000) if start else 0
        which = {"oldest": limit} if start and not end else {"newest": limit}
        rows = candles.series(symbol, interval, first, last + 1, **which)
        listed = [
            [str(row.start * 1000), row.open, row.high, row.low, row.close, row.volume, row.turnover]
            for row in reversed(rows)
        ]
        return self._answer({"category": "spot", "symbol": symbol, "list": listed})

    def received(self, connection, text):
        try:
            message = json.loads(text)
            operation, args = message["op"], message.get("args", [])
        except (ValueError, KeyError, TypeError):
            self.violation(f"not a Bybit request: {text[:100]}")
            return
        if operation == "ping":
            self._reply(connection, message, "pong")
            return
        reason = self._refusal(connection, operation, args)
        self._reply(connection, message, reason or operation, success=reason is None)
        for topic in () if reason else args:
            _, depth, symbol = topic.split(".")
            if operation == "unsubscribe":
                connection.subscriptions.pop(symbol, None)
            else:
                self.subscribed(connection, symbol, int(depth))
                self.send_snapshot(connection, symbol)

    def _refusal(self, connection, operation, args):
        """Why nothing of the request is done, or None."""
        if operation not in ("subscribe", "unsubscribe"):
            self.violation(f"no such operation: {operation}")
            return f"error:handler not found: {operation}"
        if len(args) > MOST_ARGS:
            self.violation("more than 10 args in a request")
            return "args size >10"
        if operation == "subscribe":
            text = connection.state.get("args_text", 0) + sum(map(len, args))
            if text > MOST_ARGS_TEXT:
                self.violation("more args than a connection may have")
                return "args are too long"
            connection.state["args_text"] = text
        for topic in args:
            kind, depth, symbol = (*topic.split("."), "", "")[:3]
            if kind != "orderbook" or depth not in map(str, DEPTHS):
                return f"error:handler not found,topic:{topic}"
            if symbol not in self.market.books or self.faults.take("reject", symbol):
                return f"Invalid symbol :[{topic}]"
        return None

    def _reply(self, connection, message, text, success=True):
        reply = {"success": success, "ret_msg": text, "conn_id": f"standin-{connection.number}"}
        if "req_id" in message:
            reply["req_id"] = message["req_id"]
        connection.send(json.dumps({**reply, "op": message["op"]}))

    def send_snapshot(self, connection, symbol):
        depth, book = connection.subscriptions[symbol], self.market.books[symbol]
        connection.state[symbol] = views.view(book, depth)
        stale = 3 if self.faults.take("wrong_snapshot", symbol) else 0
        sides = views.levels(connection.state[symbol])
        time_ms = int(self.now() * 1000)
        connection.send(frame(symbol, depth, "snapshot", sides, book.sequence - stale, time_ms))

    def restart_service(self, symbol):
        """As after the exchange's own restart: numbering begins again, with a new snapshot."""
        self.market.books[symbol].sequence = 1
        self.remember(symbol)
        for connection in self.connections:
            if symbol in connection.subscriptions:
                self.send_snapshot(connection, symbol)

    def delta(self, connection, change):
        depth, symbol = connection.subscriptions[change.symbol], change.symbol
        before = connection.state[symbol]
        after = connection.state[symbol] = views.view(self.market.books[symbol], depth)
        kind = "snapshot" if depth == 1 else "delta"
        sides = views.levels(after) if depth == 1 else views.differences(before, after)
        yield frame(symbol, depth, kind, sides, change.last, change.time_ms)


def frame(symbol, depth, kind, sides, number, time_ms):
    data = {"s": symbol, "b": sides[0], "a": sides[1], "u": number, "seq": number * 7}
    message = {
        "topic": f"orderbook.{depth}.{symbol}",
        "ts": time_ms,
        "type": kind,
        "data": data,
        "cts": time_ms,
    }
    return json.dumps(message, separators=(",", ":"))


def entry(listed):
    return {
        "symbol": listed.symbol,
        "baseCoin": listed.base,
        "quoteCoin": listed.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": listed.lot_text,
            "quotePrecision": "0.0000001",
            "minOrderQty": listed.lot_text,
            "maxOrderQty": "100000000",
            "minOrderAmt": "5",
            "maxOrderAmt": "4000000",
            "maxLimitOrderQty": "100000000",
            "maxMarketOrderQty": "50000000",
        },
        "priceFilter": {"tickSize": listed.tick_text},
    }
