"""Run by the interpreter that has ccxt: recorded frames through ccxt.pro's own message handlers.

python peer_ccxt.py MATERIAL.json: prints, by exchange, seconds of processor time of each round, or why there
are none. No network: markets and REST snapshots are given to it.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import ccxt.pro
import orjson

URLS = {
    "binance": "wss://stream.binance.com:9443/ws",
    "bybit": "wss://stream.bybit.com/v5/public/spot",
    "coinbase": "wss://advanced-trade-ws.coinbase.com",
    "kraken": "wss://ws.kraken.com/v2",
    "kucoin": "wss://ws-api-spot.kucoin.com/",
    "okx": "wss://ws.okx.com:8443/ws/v5/public",
}


class Client:
    """What a handler needs of a connection."""

    def __init__(self, url):
        self.url, self.subscriptions, self.futures, self.lastPong, self.keepAlive = url, {}, {}, 0, 0
        self.error = None

    def resolve(self, result, message_hash):
        return result

    def reject(self, error, message_hash=None):
        self.error = error


def exchange_of(name, tape):
    exchange = getattr(ccxt.pro, name)()
    markets = []
    for symbol in tape["symbols"]:
        native = tape["natives"].get(symbol, symbol)
        base, _, quote = native.replace("/", "-").partition("-")
        unified = f"{base}/{quote}" if quote else f"{native[:-4]}/{native[-4:]}"
        market = {"id": symbol, "symbol": unified, "base": base, "quote": quote or native[-4:]}
        market |= {"spot": True, "type": "spot", "active": True, "precision": {"price": 1e-8, "amount": 1e-8}}
        markets.append(exchange.safe_market_structure(market | {"wsId": symbol, "info": {}}))
    exchange.set_markets(markets)
    client = Client(URLS[name])
    for market in markets:
        given = tape["snapshots"].get(market["id"])
        if given is not None:
            sequence, bids, asks = given
            sides = [[[float(level[0]), float(level[1])] for level in side] for side in (bids, asks)]
            book = {"bids": sides[0], "asks": sides[1], "nonce": sequence}
        elif name == "okx":
            book = {}
        else:
            continue
        exchange.orderbooks[market["symbol"]] = exchange.order_book(book)
    for market in markets:
        key = {"kraken": f"orderbook:{market['symbol']}"}.get(name, f"orderbook::{market['symbol']}")
        client.subscriptions[key] = {"limit": tape["depth"]}
        if name == "okx":
            client.subscriptions["books:" + market["id"]] = {"limit": None}
    return exchange, client


def play(exchange, client, frames):
    handle, decode = exchange.handle_message, orjson.loads
    for frame in frames:
        handle(client, decode(frame))


def measure(name, tapes, rounds):
    seconds = []
    for _ in range(rounds):
        made = [exchange_of(name, tape) for tape in tapes]
        began = time.process_time()
        for (exchange, client), tape in zip(made, tapes, strict=True):
            play(exchange, client, tape["frames"])
        seconds.append(time.process_time() - began)
    for (exchange, client), tape in zip(made, tapes, strict=True):
        if client.error is not None:
            raise client.error
        for symbol, best in tape["best"].items():
            book = exchange.orderbooks[exchange.markets_by_id[symbol][0]["symbol"]]
            found = book["bids"][0][0], book["asks"][0][0]
            if found != tuple(map(float, best)):
                raise RuntimeError(f"its book of {symbol} ends at {found}, not at {best}")
    return seconds


async def main(material):
    found = {}
    for name, tapes in material["tapes"].items():
        try:
            found[name] = measure(name, tapes, material["rounds"][name])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            found[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
