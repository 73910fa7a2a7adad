"""A stand-in for Acme, the exchange of docs/plugins.md: an example of how one is written."""

import json

from tests.fakes.exchanges import candles
from tests.fakes.exchanges.base import StandIn
from tests.fakes.exchanges.listings import listing

MOST_CANDLES = 100


class AcmeStandIn(StandIn):
    """Give it a `SyntheticMarket(..., one_each=True)`: changes are numbered one by one."""

    name = "acme"
    sockets = ("/feed",)
    one_id_per_change = True
    frame_limit = (5, 1.0)
    connect_limit = (10, 10.0)
    rest_limit = (50, 10.0)

    def add_rest(self):
        self.rest("/pairs", self.pairs)
        self.rest("/candles", self.candles)

    def pairs(self, _query):
        listed = map(listing, self.market.symbols)
        entries = [
            {
                "id": each.symbol,
                "base": each.base,
                "quote": each.quote,
                "tick": each.tick_text,
                "lot": each.lot_text,
                "open": True,
            }
            for each in listed
        ]
        return [*entries, {**entries[0], "id": "OLD-USD", "base": "OLD", "open": False}]

    def candles(self, query):
        end = min(int(query["before"]), int(self.now()) + 1)
        rows = candles.series(query["pair"], int(query["seconds"]), int(query["from"]), end)
        if len(rows) > MOST_CANDLES:
            self.violation("more candles asked for than one answer holds")
        return [[row.start, row.open, row.high, row.low, row.close, row.volume] for row in rows]

    def received(self, connection, text):
        said = json.loads(text)
        if said["op"] == "ping":
            connection.send('{"op":"pong"}')
            return
        for symbol in said["pairs"]:
            if said["op"] == "unsubscribe":
                connection.subscriptions.pop(symbol, None)
            elif symbol not in self.market.books or self.faults.take("reject", symbol):
                refusal = {"op": "refused", "pairs": [symbol], "why": "not now"}
                connection.send(json.dumps(refusal))
            else:
                connection.send(json.dumps({"op": "subscribed", "pairs": [symbol]}))
                self.subscribed(connection, symbol, "book")
                self.send_book(connection, symbol)

    def send_book(self, connection, symbol):
        bids, asks, number = self.book(symbol)
        if self.faults.take("wrong_snapshot", symbol):
            number -= 3
        connection.send(frame("book", symbol, number, bids, asks))

    def delta(self, _connection, change):
        yield frame(
            "change", change.symbol, change.last, list(change.bids.items()), list(change.asks.items())
        )

    def shutdown_notice(self, _connection):
        return '{"op":"closing","why":"maintenance"}'


def frame(kind, symbol, number, bids, asks):
    return json.dumps({"op": kind, "pair": symbol, "number": number, "bids": bids, "asks": asks})
