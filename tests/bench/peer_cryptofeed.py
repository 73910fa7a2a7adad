"""Run by the interpreter that has cryptofeed: recorded frames through its own message handlers.

python peer_cryptofeed.py MATERIAL.json: prints, by exchange, seconds of processor time of each round, or why
there are none. No network: symbols and REST snapshots are given to it.
"""

import asyncio
import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

from cryptofeed import exchanges
from cryptofeed.defines import L2_BOOK
from cryptofeed.symbols import Symbols
from cryptofeed.types import OrderBook

CLASSES = {
    "binance": exchanges.Binance,
    "bybit": exchanges.Bybit,
    "coinbase": exchanges.Coinbase,
    "kraken": exchanges.Kraken,
    "kucoin": exchanges.KuCoin,
    "okx": exchanges.OKX,
}


def feed_of(name, tape):
    kind = CLASSES[name]
    natives = [tape["natives"].get(symbol, symbol) for symbol in tape["symbols"]]
    standard = {f"S{number}-USD": native for number, native in enumerate(natives)}
    types = dict.fromkeys(standard, "spot")
    Symbols.set(kind.id, standard, {"instrument_type": types, "tick_size": {}})
    feed = kind(symbols=list(standard), channels=[L2_BOOK], callbacks={})
    feed.callbacks = {L2_BOOK: []}
    feed._l2_book, feed.last_update_id, feed.seq_no, feed._sequence_num = {}, {}, {}, {}
    if name == "kraken":
        feed.book_depth = tape["depth"]
    for symbol, (sequence, bids, asks) in tape["snapshots"].items():
        pair = feed.exchange_symbol_to_std_symbol(symbol)
        sides = [{Decimal(level[0]): Decimal(level[1]) for level in side} for side in (bids, asks)]
        feed._l2_book[pair] = OrderBook(feed.id, pair, bids=sides[0], asks=sides[1])
        feed.last_update_id[pair] = feed.seq_no[pair] = sequence
    return feed


async def measure(name, tapes, rounds):
    connection = SimpleNamespace(address="wss://stream.example/v5/public/spot", uuid="1", subscription={})
    seconds = []
    for _ in range(rounds):
        feeds = [feed_of(name, tape) for tape in tapes]
        began = time.process_time()
        for feed, tape in zip(feeds, tapes, strict=True):
            for frame in tape["frames"]:
                await feed.message_handler(frame, connection, 0.0)
        seconds.append(time.process_time() - began)
    for feed, tape in zip(feeds, tapes, strict=True):
        for symbol, (bid, ask) in tape["best"].items():
            pair = feed.exchange_symbol_to_std_symbol(tape["natives"].get(symbol, symbol))
            book = feed._l2_book[pair].book
            best = book.bids.index(0)[0], book.asks.index(0)[0]
            if best != (Decimal(bid), Decimal(ask)):
                raise RuntimeError(f"its book of {symbol} ends at {best}, not at {bid}, {ask}")
    return seconds


async def main(material):
    found = {}
    for name, tapes in material["tapes"].items():
        try:
            found[name] = await measure(name, tapes, material["rounds"][name])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            found[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
