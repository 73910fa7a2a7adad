"""Coinbase Advanced Trade: `level2` in the stream, one `sequence_num` for all frames of a connection.

Rules: docs.cdp.coinbase.com (Advanced Trade WebSocket channels, public products and candles).
"""

import json

from aiohttp import web

from tests.fakes.exchanges import candles
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.times import iso
from tests.market_data import recording

GRANULARITIES = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1800,
    "ONE_HOUR": 3600,
    "TWO_HOUR": 7200,
    "SIX_HOUR": 21600,
    "ONE_DAY": candles.DAY,
}
MOST_CANDLES = 350
ALIASES = {"BTC-USDC": "BTC-USD", "ETH-USDC": "ETH-USD"}
"""Replies carry the canonical id."""
UNTOUCHED = "1970-01-01T00:00:00Z"


class CoinbaseStandIn(StandIn):
    name = "coinbase"
    one_id_per_change = True
    default_heartbeat_seconds = 1.0
    subscribe_within_seconds = 5
    frame_limit = (8, 1.0)
    connect_limit = (8, 1.0)
    rest_limit = (10, 1.0)

    def add_rest(self):
        products = "/api/v3/brokerage/market/products"
        self.rest(products, self.products)
        self.rest(products + "/{id}/candles", self.candles)
        self.rest("/api/v3/brokerage/time", lambda _query: {"epochSeconds": str(int(self.now()))})

    def products(self, query):
        if self.market.recorded:
            entries = [today(each) for each in json.loads(recording("coinbase.symbols")[0]["raw"])]
        else:
            entries = [entry(listed) for listed in self.market.listings.values()]
            entries.append({**entries[0], "product_id": "OLD-USD", "trading_disabled": True})
            for alias, canonical in ALIASES.items():
                entries += [
                    {**each, "product_id": alias, "quote_currency_id": "USDC", "alias": canonical}
                    for each in entries
                    if each["product_id"] == canonical
                ]
        if query.get("product_type", "SPOT") != "SPOT":
            entries = []
        return {"products": entries, "num_products": len(entries)}

    def candles(self, query):
        symbol, interval = query["id"], GRANULARITIES.get(query.get("granularity"))
        symbol = ALIASES.get(symbol, symbol)
        if symbol not in self.market.books:
            return bad("NOT_FOUND", "product not found", 404)
        if interval is None or "start" not in query or "end" not in query:
            return bad("INVALID_ARGUMENT", "start, end and granularity are required", 400)
        start, end = int(query["start"]), int(query["end"])
        if (end - start) // interval > MOST_CANDLES:
            self.violation("more than 350 candles asked for")
            return bad("INVALID_ARGUMENT", "number of candles requested should be less than 350", 400)
        limit = min(int(query.get("limit", MOST_CANDLES)), MOST_CANDLES)
        rows = candles.series(symbol, interval, start, min(end, int(self.now())) + 1, newest=limit)
        return {"candles": [candle(row) for row in reversed(rows)]}

    def opened(self, connection):
        connection.state.update(sequence=-1, channels={}, beats=0)

    def received(self, connection, text):
        try:
            message = json.loads(text)
            kind, channel = message["type"], message["channel"]
        except (ValueError, KeyError, TypeError):
            self.violation(f"not a Coinbase message: {text[:100]}")
            connection.send(json.dumps({"type": "error", "message": "malformed request"}))
            return
        asked = [ALIASES.get(symbol, symbol) for symbol in message.get("product_ids", [])]
        for symbol in asked:
            if symbol not in self.market.books or self.faults.take("reject", symbol):
                reason = f"{symbol} is not a valid product"
                reply = {"type": "error", "message": "failed to subscribe", "reason": reason}
                connection.send(json.dumps(reply))
                return
        channels = connection.state["channels"]
        if kind == "subscribe":
            channels.setdefault(channel, set()).update(asked)
        elif kind == "unsubscribe":
            channels.get(channel, set()).difference_update(asked)
        if channel == "level2":
            self._level2(connection, kind, asked)
        connection.send(self._subscriptions(connection))

    def _level2(self, connection, kind, symbols):
        for symbol in symbols:
            if kind == "unsubscribe":
                connection.subscriptions.pop(symbol, None)
            else:
                self.subscribed(connection, symbol, "level2")
                connection.send(self._snapshot(connection, symbol))

    def _frame(self, connection, channel, events, time_ms=None):
        """Every frame counts. The sequence it got is the connection's."""
        connection.state["sequence"] += 1
        message = {
            "channel": channel,
            "timestamp": iso(time_ms or self.now() * 1000),
            "sequence_num": connection.state["sequence"],
            "events": events,
        }
        return json.dumps(message, separators=(",", ":"))

    def _subscriptions(self, connection):
        listed = {name: sorted(ids) for name, ids in connection.state["channels"].items()}
        if "heartbeats" in listed:
            listed["heartbeats"] = ["heartbeats"]
        return self._frame(connection, "subscriptions", [{"subscriptions": listed}])

    def _snapshot(self, connection, symbol):
        bids, asks, _ = self.book(symbol)
        changes = updates(bids, "bid", UNTOUCHED) + updates(asks, "offer", UNTOUCHED)
        event = {"type": "snapshot", "product_id": symbol, "updates": changes}
        frame = self._frame(connection, "l2_data", [event])
        self.remember(symbol, connection.state["sequence"])
        return frame

    def delta(self, connection, change):
        """Also remembered by the connection's sequence, which is what its client knows."""
        time = iso(change.time_ms)
        changes = updates(change.bids.items(), "bid", time) + updates(change.asks.items(), "offer", time)
        event = {"type": "update", "product_id": change.symbol, "updates": changes}
        frame = self._frame(connection, "l2_data", [event], change.time_ms)
        self.remember(change.symbol, connection.state["sequence"])
        yield frame

    def beat(self, connection):
        if "heartbeats" in connection.state["channels"]:
            connection.state["beats"] += 1
            now = iso(self.now() * 1000)
            event = {"current_time": now, "heartbeat_counter": connection.state["beats"]}
            connection.send(self._frame(connection, "heartbeats", [event]))


def updates(levels, side, time):
    return [
        {"side": side, "event_time": time, "price_level": price, "new_quantity": quantity}
        for price, quantity in levels
    ]


def bad(error, message, status):
    body = {"error": error, "error_details": message, "message": message}
    return web.json_response(body, status=status)


def candle(row):
    return {
        "start": str(row.start),
        "low": row.low,
        "high": row.high,
        "open": row.open,
        "close": row.close,
        "volume": row.volume,
    }


def entry(listed):
    return {
        "product_id": listed.symbol,
        "price": str(listed.price),
        "base_increment": listed.lot_text,
        "quote_increment": listed.tick_text,
        "price_increment": listed.tick_text,
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_min_size": listed.lot_text,
        "base_max_size": "100000000",
        "is_disabled": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": not listed.tradable,
        "auction_mode": False,
        "view_only": False,
        "product_type": "SPOT",
        "base_currency_id": listed.base,
        "quote_currency_id": listed.quote,
        "alias": "",
        "alias_to": [],
        "display_name": listed.symbol,
    }


def today(product):
    """A product of the Exchange API in Advanced Trade's shape."""
    same = ("base_increment", "quote_increment", "status", "cancel_only", "limit_only", "post_only")
    return {
        **{key: product[key] for key in same},
        "product_id": product["id"],
        "price_increment": product["quote_increment"],
        "quote_min_size": product["min_market_funds"],
        "quote_max_size": product["max_market_funds"],
        "base_min_size": product["base_min_size"],
        "base_max_size": product["base_max_size"],
        "is_disabled": False,
        "trading_disabled": product["trading_disabled"],
        "auction_mode": False,
        "view_only": False,
        "product_type": "SPOT",
        "base_currency_id": product["base_currency"],
        "quote_currency_id": product["quote_currency"],
        "alias": "",
        "alias_to": [],
        "display_name": product["display_name"],
    }
