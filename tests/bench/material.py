"""Recorded frames as a subscription of ours would get them today, connection by connection."""

import json
from dataclasses import dataclass, field, replace

from tests.market_data import recording
from twap.plugins.exchanges import binance, bybit, coinbase, kraken, kucoin, okx

PLUGINS = {each.__name__.rpartition(".")[2]: each for each in (binance, bybit, coinbase, kraken, kucoin, okx)}

CHECKSUMMED = "okx, 2022"
"""The frames of OKX as they were recorded, with checksums and without sequence numbers."""


@dataclass
class Tape:
    """What one connection carried. bodies: of REST snapshots that books are seeded with, by symbol."""

    exchange: object
    rules: object
    symbols: list
    frames: list
    bodies: dict = field(default_factory=dict)


def tapes(name):
    """All connections of one recording."""
    return {
        "binance": _binance,
        "bybit": _bybit,
        "coinbase": _coinbase,
        "kraken": _kraken,
        "kucoin": _kucoin,
        "okx": _okx,
        CHECKSUMMED: _okx_with_checksums,
    }[name]()


NAMES = tuple(PLUGINS)


def _raws(name):
    return [line["raw"] for line in recording(f"{name}.ws")]


def _tape(name, symbols, frames, bodies=None, **rules):
    exchange = PLUGINS[name].twap_exchange()
    encoded = [frame.encode() for frame in frames]
    return Tape(exchange, replace(exchange.rules, **rules), symbols, encoded, bodies or {})


def _bodies(name):
    """The first REST snapshot of each symbol."""
    found = {}
    for line in recording(f"{name}.http"):
        symbol = line["url"].split("symbol=")[1].split("&")[0]
        found.setdefault(symbol, line["raw"].encode())
    return found


def _binance():
    """Without the envelope of the combined stream: the plugin connects to the raw one."""
    frames = [raw.partition('"data":')[2][:-1] for raw in _raws("binance") if '"depthUpdate"' in raw]
    bodies = _bodies("binance")
    symbols = sorted({json.loads(frame)["s"] for frame in frames})
    return [_tape("binance", symbols, frames, bodies)]


def _bybit():
    return [_tape("bybit", ["XRPUSDT"], _raws("bybit_v5"))]


def _kucoin():
    frames = [raw for raw in _raws("kucoin") if '"trade.l2update"' in raw]
    symbols = sorted({json.loads(frame)["data"]["symbol"] for frame in frames})
    return [_tape("kucoin", symbols, frames, _bodies("kucoin"))]


def _coinbase():
    """Changes of the older Exchange feed in the envelope of Advanced Trade."""
    sides = {"buy": "bid", "sell": "offer"}
    frames, symbols = [], set()
    for raw in _raws("coinbase"):
        message = json.loads(raw)
        if message["type"] == "snapshot":
            kind = "snapshot"
            levels = [("buy", *level) for level in message["bids"]]
            levels += [("sell", *level) for level in message["asks"]]
        elif message["type"] == "l2update":
            kind, levels = "update", message["changes"]
        else:
            continue
        symbols.add(message["product_id"])
        time = message.get("time", "1970-01-01T00:00:00Z")
        updates = [
            {"side": sides[side], "event_time": time, "price_level": price, "new_quantity": quantity}
            for side, price, quantity in levels
        ]
        event = {"type": kind, "product_id": message["product_id"], "updates": updates}
        frame = {
            "channel": "l2_data",
            "client_id": "",
            "timestamp": time,
            "sequence_num": len(frames),
            "events": [event],
        }
        frames.append(json.dumps(frame, separators=(",", ":")))
    return [_tape("coinbase", sorted(symbols), frames)]


def _kraken():
    """The first connection was subscribed to 10 levels, the others to 25: so deep their books are kept."""
    lines = recording("kraken_v2.ws")
    found = []
    for number in sorted({line["conn"] for line in lines}):
        frames = [line["raw"] for line in lines if line["conn"] == number]
        symbols = sorted(
            {book["symbol"] for raw in frames if '"book"' in raw for book in json.loads(raw).get("data", ())}
        )
        found.append(_tape("kraken", symbols, frames, kept_depth=10 if number == 1 else 25))
    return found


def _okx_with_checksums():
    frames = [raw for raw in _raws("okx") if '"books"' in raw and '"action"' in raw]
    symbols = sorted({json.loads(frame)["arg"]["instId"] for frame in frames})
    return [_tape("okx", symbols, frames)]


def _okx():
    """As today: numbered, the checksum 0."""
    (tape,) = _okx_with_checksums()
    last = dict.fromkeys(tape.symbols, -1)
    frames = []
    for number, raw in enumerate(tape.frames):
        message = json.loads(raw)
        symbol = message["arg"]["instId"]
        for book in message["data"]:
            book.update(checksum=0, prevSeqId=last[symbol], seqId=number)
        last[symbol] = number
        frames.append(json.dumps(message, separators=(",", ":")).encode())
    return [replace(tape, frames=frames)]
