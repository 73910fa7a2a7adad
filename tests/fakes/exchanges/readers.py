"""Plain clients that keep one book by each exchange's documented rules; for checking the stand-ins alone."""

import json
import zlib
from decimal import Decimal

import aiohttp


class Gap(Exception):
    """The exchange's own continuity rule is broken."""


class Reader:
    """One symbol over one socket.

    bids, asks  quantities by price, as Decimals
    text        the same as it was on the wire, by (is a bid, price)
    sequence    as the exchange counts
    others      frames that changed no book
    """

    path = "/"
    spliced = True

    def __init__(self, http, server, symbol):
        self.http, self.server, self.symbol = http, server, symbol
        self.bids, self.asks, self.sequence = {}, {}, None
        self.text = {}
        self.others = []

    async def open(self):
        self.socket = await self.http.ws_connect(self.server.ws_url + self.path, max_msg_size=0)
        await self.subscribe()
        return self

    async def send(self, message):
        await self.socket.send_str(json.dumps(message))

    async def get(self, path, **query):
        async with self.http.get(self.server.rest_url + path, params=query) as response:
            return await response.json(content_type=None)

    async def next(self):
        """Read one frame: True where it changed the book."""
        message = await self.socket.receive(2)
        if message.type != aiohttp.WSMsgType.TEXT:
            raise ConnectionError(message.type.name)
        if self.read(message.data):
            return True
        self.others.append(message.data)
        return False

    async def read_on(self, count):
        for _ in range(count):
            await self.next()

    async def catch_up(self):
        """Read until the book stands where the true one does."""
        while self.sequence is None or not self.same():
            await self.next()

    def same(self):
        bids, asks, _ = self.server.book(self.symbol)
        return self.best_first() == (exact(bids), exact(asks))

    def best_first(self):
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())

    def replace(self, bids, asks):
        self.bids, self.asks, self.text = {}, {}, {}
        self.apply(bids, asks)

    def apply(self, bids, asks):
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, quantity, *_ in levels:
                key = Decimal(price)
                if Decimal(quantity):
                    side[key] = Decimal(quantity)
                    self.text[side is self.bids, key] = (price, quantity)
                else:
                    side.pop(key, None)

    def follow(self, first, last):
        """The first change after a snapshot by REST may have begun before it."""
        if first > self.sequence + 1 or (self.spliced and first != self.sequence + 1):
            raise Gap(f"{first} after {self.sequence}")
        self.sequence, self.spliced = last, True


class BinanceReader(Reader):
    path = "/ws"

    async def subscribe(self):
        await self.send({"method": "SUBSCRIBE", "params": [self.symbol.lower() + "@depth@100ms"], "id": 1})
        await self.next()
        await self.load()

    async def load(self):
        snapshot = await self.get("/api/v3/depth", symbol=self.symbol, limit="1000")
        self.replace(snapshot["bids"], snapshot["asks"])
        self.sequence, self.spliced = snapshot["lastUpdateId"], False

    def read(self, text):
        message = json.loads(text)
        if message.get("e") != "depthUpdate":
            return False
        if message["u"] > self.sequence:
            self.follow(message["U"], message["u"])
            self.apply(message["b"], message["a"])
        return True


class KucoinReader(Reader):
    async def open(self):
        async with self.http.post(self.server.rest_url + "/api/v1/bullet-public") as response:
            data = (await response.json())["data"]
        address = data["instanceServers"][0]["endpoint"]
        url = f"{address}?token={data['token']}&connectId=me"
        self.socket = await self.http.ws_connect(url)
        topic = f"/market/level2:{self.symbol}"
        await self.send({"id": 1, "type": "subscribe", "topic": topic, "response": True})
        await self.read_on(2)
        await self.load()
        return self

    async def load(self):
        answer = await self.get("/api/v1/market/orderbook/level2_100", symbol=self.symbol)
        self.replace(answer["data"]["bids"], answer["data"]["asks"])
        self.sequence, self.spliced = int(answer["data"]["sequence"]), False

    def read(self, text):
        message = json.loads(text)
        if message.get("subject") != "trade.l2update":
            return False
        data = message["data"]
        if data["sequenceEnd"] > self.sequence:
            known = self.sequence
            self.follow(data["sequenceStart"], data["sequenceEnd"])
            for side in ("bids", "asks"):
                entries = sorted(data["changes"][side], key=lambda entry: int(entry[2]))
                kept = [entry for entry in entries if Decimal(entry[0]) and int(entry[2]) > known]
                self.apply(*((kept, []) if side == "bids" else ([], kept)))
        return True


class BybitReader(Reader):
    path = "/v5/public/spot"

    async def subscribe(self):
        await self.send({"req_id": "1", "op": "subscribe", "args": [f"orderbook.200.{self.symbol}"]})

    def read(self, text):
        message = json.loads(text)
        if "topic" not in message:
            return False
        data = message["data"]
        if message["type"] == "snapshot":
            self.replace(data["b"], data["a"])
            self.sequence = data["u"]
        else:
            self.follow(data["u"], data["u"])
            self.apply(data["b"], data["a"])
        return True


class CoinbaseReader(Reader):
    counted = -1

    async def subscribe(self):
        await self.send({"type": "subscribe", "channel": "heartbeats"})
        await self.send({"type": "subscribe", "product_ids": [self.symbol], "channel": "level2"})

    def read(self, text):
        message = json.loads(text)
        if message["sequence_num"] != self.counted + 1:
            raise Gap(f"{message['sequence_num']} after {self.counted}")
        self.counted = message["sequence_num"]
        if message["channel"] != "l2_data":
            return False
        self.sequence = self.counted
        for event in message["events"]:
            levels = [(each["price_level"], each["new_quantity"], each["side"]) for each in event["updates"]]
            sides = [[each for each in levels if each[2] == side] for side in ("bid", "offer")]
            (self.replace if event["type"] == "snapshot" else self.apply)(*sides)
        return True


class OkxReader(Reader):
    path = "/ws/v5/public"

    async def subscribe(self):
        await self.send({"op": "subscribe", "args": [{"channel": "books", "instId": self.symbol}]})

    def read(self, text):
        message = json.loads(text) if text != "pong" else {}
        if "action" not in message:
            return False
        data = message["data"][0]
        if message["action"] == "snapshot":
            self.replace(data["bids"], data["asks"])
        elif data["prevSeqId"] != self.sequence:
            raise Gap(f"{data['prevSeqId']} after {self.sequence}")
        else:
            self.apply(data["bids"], data["asks"])
        self.sequence = data["seqId"]
        return True


class KrakenReader(Reader):
    path = "/v2"
    depth = 1000

    async def subscribe(self):
        params = {"channel": "book", "symbol": [self.symbol], "depth": self.depth, "snapshot": True}
        await self.send({"method": "subscribe", "params": params, "req_id": 1})

    def read(self, text):
        message = json.loads(text, parse_float=str, parse_int=str)
        if message.get("channel") != "book":
            return False
        data = message["data"][0]
        sides = [[(each["price"], each["qty"]) for each in data[side]] for side in ("bids", "asks")]
        (self.replace if message["type"] == "snapshot" else self.apply)(*sides)
        self.bids = dict(sorted(self.bids.items(), reverse=True)[: self.depth])
        self.asks = dict(sorted(self.asks.items())[: self.depth])
        best = [(False, price) for price in list(self.asks)[:10]] + [
            (True, price) for price in list(self.bids)[:10]
        ]
        digits = "".join(part.replace(".", "").lstrip("0") for level in best for part in self.text[level])
        if zlib.crc32(digits.encode()) != int(data["checksum"]):
            raise Gap("checksum differs")
        self.sequence = int(data["checksum"])
        return True


def exact(levels):
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]


READERS = {
    "binance": (BinanceReader, "BTCUSDT"),
    "bybit": (BybitReader, "BTCUSDT"),
    "coinbase": (CoinbaseReader, "BTC-USD"),
    "kraken": (KrakenReader, "BTC/USD"),
    "kucoin": (KucoinReader, "BTC-USDT"),
    "okx": (OkxReader, "BTC-USDT"),
}
"""By exchange: its reader, and a symbol in its form."""
