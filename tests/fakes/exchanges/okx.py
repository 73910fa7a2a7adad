"""OKX v5: `books` with 400 levels in the stream, chained by `prevSeqId`, `seqId` in uneven steps.

Rules: OKX v5 documentation (books channel, candles, instruments); the checksum is always 0.
"""

import json

from aiohttp import web

from tests.fakes.exchanges import candles, views
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.limits import Window
from tests.market_data import recording

BARS = {
    **{f"{minutes}m": minutes * 60 for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}H": hours * 3600 for hours in (1, 2, 4)},
    "6Hutc": 21600,
    "12Hutc": 43200,
    "1Dutc": candles.DAY,
    "1Wutc": candles.WEEK,
    "1Mutc": candles.MONTH,
}
DEPTH = 400
RECENT_BARS = 1440
MOST_CANDLES = 300
UNKNOWN_CHANNEL = "60018"
CLOSING_SOON = "64008"


class OkxStandIn(StandIn):
    name = "okx"
    sockets = ("/ws/v5/public",)
    default_heartbeat_seconds = 5.0
    idle_seconds = 30
    pushes_keep_alive = True
    frame_limit = (50, 1.0)
    connect_limit = (3, 1.0)
    rest_limit = (20, 2.0)
    operations_an_hour = 480

    def add_rest(self):
        self.rest("/api/v5/public/instruments", self.instruments)
        self.rest("/api/v5/market/candles", lambda query: self.candles(query, recent=True))
        self.rest("/api/v5/market/history-candles", lambda query: self.candles(query, recent=False))
        self.rest("/api/v5/public/time", lambda _query: good([{"ts": str(int(self.now() * 1000))}]))

    def too_many_requests(self):
        return bad("50011", "Too Many Requests", 429)

    def instruments(self, query):
        if query.get("instType") != "SPOT":
            return bad("51000", "Parameter instType error")
        if self.market.recorded:
            return json.loads(recording("okx.symbols")[0]["raw"])
        entries = [entry(listed) for listed in self.market.listings.values()]
        return good([*entries, {**entries[0], "instId": "OLD-USDT", "baseCcy": "OLD", "state": "suspend"}])

    def candles(self, query, recent):
        """`after` and `before` are exclusive, and mean older and newer than."""
        symbol, interval = query.get("instId"), BARS.get(query.get("bar", "1m"))
        if symbol not in self.market.books:
            return bad("51001", "Instrument ID doesn't exist")
        if interval is None:
            return bad("51000", "Parameter bar error")
        limit = min(int(query.get("limit", 100)), MOST_CANDLES)
        now = int(self.now())
        end = -(-int(query["after"]) // 1000) if "after" in query else now + 1
        begin = int(query["before"]) // 1000 + 1 if "before" in query else 0
        if interval != candles.MONTH:  # the two hold different bars, as their documentation lets one expect
            boundary = now - RECENT_BARS * interval
            begin, end = (max(begin, boundary), end) if recent else (begin, min(end, boundary))
        rows = candles.series(symbol, interval, begin, min(end, now + 1), newest=limit)
        return good([candle(row, now) for row in reversed(rows)])

    def opened(self, connection):
        connection.state["operations"] = Window(self.operations_an_hour, 3600)

    def received(self, connection, text):
        if text == "ping":
            connection.send("pong")
            return
        try:
            message = json.loads(text)
            operation, args = message["op"], message["args"]
        except (ValueError, KeyError, TypeError):
            self.violation(f"not an OKX request: {text[:100]}")
            self._error(connection, "60012", f"Invalid request: {text[:100]}")
            return
        if not connection.state["operations"].hit():
            self.violation("more than 480 operations in an hour")
            self._error(connection, "60014", "Requests too frequent")
            return
        for arg in args:
            self._operate(connection, operation, arg)

    def _operate(self, connection, operation, arg):
        symbol = arg.get("instId")
        known = arg.get("channel") == "books" and symbol in self.market.books
        if not known or (operation == "subscribe" and self.faults.take("reject", symbol)):
            what = f"channel:{arg.get('channel')},instId:{symbol}"
            self._error(connection, UNKNOWN_CHANNEL, f"Wrong URL or {what} doesn't exist.")
            return
        reply = {"event": operation, "arg": arg, "connId": f"c{connection.number}"}
        connection.send(json.dumps(reply))
        if operation == "unsubscribe":
            connection.subscriptions.pop(symbol, None)
        else:
            self.subscribed(connection, symbol, "books")
            self._send_snapshot(connection, symbol)

    @staticmethod
    def _error(connection, code, message):
        reply = {"event": "error", "code": code, "msg": message, "connId": f"c{connection.number}"}
        connection.send(json.dumps(reply))

    def _send_snapshot(self, connection, symbol):
        book = self.market.books[symbol]
        shown = views.view(book, DEPTH)
        sequence = book.sequence - (5 if self.faults.take("wrong_snapshot", symbol) else 0)
        connection.state[symbol] = (shown, book.sequence)
        time_ms = int(self.now() * 1000)
        connection.send(frame(symbol, "snapshot", views.levels(shown), -1, sequence, time_ms))

    def delta(self, connection, change):
        """Nothing, where the change lies outside the window."""
        before, last = connection.state[change.symbol]
        after = views.view(self.market.books[change.symbol], DEPTH)
        sides = views.differences(before, after)
        if any(sides):
            connection.state[change.symbol] = (after, change.last)
            yield frame(change.symbol, "update", sides, last, change.last, change.time_ms)

    def beat(self, connection):
        """No change: `seqId` equals `prevSeqId`."""
        for symbol in connection.subscriptions:
            last = connection.state[symbol][1]
            connection.send(frame(symbol, "update", ([], []), last, last, int(self.now() * 1000)))

    def shutdown_notice(self, connection):
        message = "The connection will soon be closed for a service upgrade. Please reconnect."
        notice = {"event": "notice", "code": CLOSING_SOON, "msg": message, "connId": f"c{connection.number}"}
        return json.dumps(notice)


def frame(symbol, action, sides, previous, sequence, time_ms):
    bids, asks = ([[*level, "0", "0" if level[1] == "0" else "1"] for level in side] for side in sides)
    data = {
        "asks": asks,
        "bids": bids,
        "ts": str(time_ms),
        "checksum": 0,
        "prevSeqId": previous,
        "seqId": sequence,
    }
    message = {"arg": {"channel": "books", "instId": symbol}, "action": action, "data": [data]}
    return json.dumps(message, separators=(",", ":"))


def good(data):
    return {"code": "0", "msg": "", "data": data}


def bad(code, message, status=200):
    return web.json_response({"code": code, "msg": message, "data": []}, status=status)


def candle(row, now):
    confirm = "1" if row.end <= now else "0"
    prices = [row.open, row.high, row.low, row.close]
    return [str(row.start * 1000), *prices, row.volume, row.turnover, row.turnover, confirm]


def entry(listed):
    return {
        "alias": "",
        "baseCcy": listed.base,
        "category": "1",
        "ctMult": "",
        "instId": listed.symbol,
        "instType": "SPOT",
        "listTime": "1733454000000",
        "lotSz": listed.lot_text,
        "maxLmtSz": "9999999999",
        "maxMktSz": "1000000",
        "minSz": listed.lot_text,
        "quoteCcy": listed.quote,
        "state": "live" if listed.tradable else "suspend",
        "tickSz": listed.tick_text,
        "uly": "",
    }
