"""An exchange with the simplest protocol there can be: JSON frames with an `op` each."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twap.ports.errors import CodecError
from twap.ports.events import (
    Alive,
    Broken,
    Delta,
    Ignored,
    Reconnect,
    Rejected,
    Snapshot,
    Subscribed,
)
from twap.ports.exchange import BookRules, Endpoints, Limits, OpenFeed
from twap.ports.market import Candle, Instrument
from twap.ports.transport import HttpRequest


def frame(op, **fields):
    return json.dumps({"op": op, **fields})


def snapshot_body(sequence):
    return json.dumps({"sequence": sequence, "bids": [["100", "1"]], "asks": [["101", "1"]]}).encode()


def snapshot_frame(symbol, sequence):
    return frame("snapshot", symbol=symbol, sequence=sequence)


def delta_frame(symbol, last, first=None):
    return frame("delta", symbol=symbol, first=first or last, last=last)


def instruments_body(*natives):
    return json.dumps(list(natives)).encode()


def confirm(text):
    """Answers a client's frame as a well-behaved exchange without in-band snapshots would."""
    asked = json.loads(text)
    return [frame("subscribed", symbols=asked["symbols"])] if asked["op"] == "subscribe" else []


class FakeCodec:
    def __init__(self, probe):
        self._probe = probe

    def opened(self):
        return [frame("hello")]

    def subscribe(self, symbols):
        return [frame("subscribe", symbols=list(symbols))]

    def unsubscribe(self, symbols):
        return [frame("unsubscribe", symbols=list(symbols))]

    def probe(self):
        return self._probe

    def receive(self, data):
        try:
            said = json.loads(data)
        except ValueError as error:
            raise CodecError("no JSON") from error
        match said["op"]:
            case "snapshot":
                return [Snapshot(said["symbol"], [("100", "1")], [("101", "1")], said["sequence"])]
            case "delta":
                return [Delta(said["symbol"], said["first"], said["last"], [("100", "2")], [])]
            case "subscribed":
                return [Subscribed(said["symbols"])]
            case "rejected":
                return [Rejected(said["symbols"], said["reason"])]
            case "broken":
                return [Broken(said["symbol"], said["reason"])]
            case "reconnect":
                return [Reconnect(said["reason"], said.get("planned", False))]
            case "pong":
                return [Alive()]
            case "fault":
                raise ZeroDivisionError("a plugin's bug")
        return [Ignored(said["op"])]


class FakeExchange:
    """Implements twap.ports.exchange.Exchange; `by_rest` chooses where snapshots come from."""

    taker_fee = Decimal("0.001")
    intervals = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1M": timedelta(days=28)}

    def __init__(self, name="Fake", *, by_rest=False, probe=None, handshake=False, limits=None, **settings):
        self.name = name
        self.endpoints = Endpoints(f"https://rest.{name.lower()}.test", f"wss://ws.{name.lower()}.test")
        self.rules = BookRules(snapshot_by_rest=by_rest)
        self.limits = limits or Limits()
        self.candles_per_request = settings.get("candles_per_request", 100)
        self.candle_history = settings.get("candle_history")
        self.own_transport = settings.get("transport")
        self._probe, self._handshake = probe, handshake
        self._keepalive = settings.get("keepalive")
        self.codecs = []

    def instruments_request(self):
        return HttpRequest("/instruments")

    def instruments(self, body):
        """Natives such as BTC-USDT."""
        return [fake_instrument(native, self.name) for native in self._read(body)]

    def candles_request(self, instrument, interval, start, end):
        bounds = {"start": str(int(start.timestamp())), "end": str(int(end.timestamp()))}
        return HttpRequest("/candles", {"symbol": instrument.native, **bounds})

    def candles(self, body, instrument, interval):
        """Opening times in seconds."""
        one = Decimal(1)
        return [Candle(datetime.fromtimestamp(at, UTC), one, one, one, one, one) for at in self._read(body)]

    def snapshot_request(self, symbol):
        return HttpRequest("/snapshot", {"symbol": symbol})

    def snapshot(self, body, symbol):
        said = self._read(body)
        return Snapshot(symbol, said["bids"], said["asks"], said["sequence"])

    def handshake_request(self):
        return HttpRequest("/token", method="POST") if self._handshake else None

    def open_feed(self, handshake):
        if handshake is None:
            return OpenFeed("/feed")
        url = f"wss://named.test/?token={self._read(handshake)['token']}"
        return OpenFeed(url=url, keepalive_seconds=self._keepalive)

    def codec(self):
        self.codecs.append(FakeCodec(self._probe))
        return self.codecs[-1]

    def transport(self):
        return self.own_transport

    def _read(self, body):
        try:
            return json.loads(body)
        except ValueError as error:
            raise CodecError("no JSON") from error


def fake_instrument(native, exchange="Fake"):
    base, quote = native.split("-")
    tick = Decimal("0.01")
    return Instrument(exchange, f"{base}{quote}".upper(), native, base, quote, tick, tick)
