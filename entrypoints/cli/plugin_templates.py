"""The files of a new exchange plugin. `$name` and the like are replaced; see `plugin_skeleton`."""

from collections.abc import Mapping

PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "twap-$dashed"
version = "0.1.0"
description = "$title for twap"
requires-python = ">=3.11"
dependencies = ["twap-trading-api"]

[project.entry-points."twap.exchanges"]
$name = "twap_$name"

[tool.setuptools]
packages = ["twap_$name"]
"""

PACKAGE = '''\
"""$title as a plugin of twap."""

from twap.ports.hooks import hookimpl

from twap_$name.exchange import $type


@hookimpl
def twap_exchange():
    return $type()
'''

EXCHANGE = '''\
"""What $title is: addresses, limits, HTTP requests and how their answers read.

The paths and fields below are those of a made-up exchange: put $title's in their place. Every method is pure
and quick, and raises CodecError alone; `twap plugin check $name` holds it to that.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules, Endpoints, Limits, OpenFeed
from twap.ports.market import Candle, Instrument, canonical_symbol
from twap.ports.numbers import parse_number
from twap.ports.transport import HttpRequest

from twap_$name.codec import ${type}Codec

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


class $type:
    name = "$title"
    endpoints = Endpoints("https://api.$dashed.example", "wss://stream.$dashed.example")
    rules = BookRules()  # the first book comes in the stream, and deltas are numbered without gaps
    limits = Limits(symbols_per_connection=100, frames_per_second=5)
    taker_fee = Decimal("0.001")
    intervals = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
    candles_per_request = 500
    candle_history = None

    def instruments_request(self):
        return HttpRequest("/v1/instruments")

    def instruments(self, body):
        found = []
        for entry in _decoded(body, list):
            try:
                found.append(self._instrument(entry))
            except UNREADABLE:
                continue  # one that can't be read is left out
        return found

    def candles_request(self, instrument, interval, start, end):
        query = {"symbol": instrument.native, "interval": interval}
        return HttpRequest("/v1/candles", {**query, "from": start.isoformat(), "to": end.isoformat()})

    def candles(self, body, instrument, interval):
        """Rows of [open time in seconds, open, high, low, close, volume]."""
        try:
            return [
                Candle(datetime.fromtimestamp(int(seconds), UTC), *(parse_number(text) for text in numbers))
                for seconds, *numbers in _decoded(body, list)
            ]
        except (*UNREADABLE, OSError) as error:
            raise CodecError(f"$title sent candles that can't be read: {error}") from error

    def snapshot_request(self, symbol):
        return HttpRequest("/v1/book", {"symbol": symbol})

    def snapshot(self, body, symbol):
        try:
            book = _decoded(body, dict)
            return Snapshot(symbol, book["bids"], book["asks"], int(book["sequence"]))
        except UNREADABLE as error:
            raise CodecError(f"$title sent a book that can't be read: {error}") from error

    def handshake_request(self):
        return None

    def open_feed(self, handshake):
        return OpenFeed("/v1/feed")

    def codec(self):
        return ${type}Codec()

    def transport(self):
        return None

    def _instrument(self, entry):
        base, quote = entry["base"], entry["quote"]
        return Instrument(
            exchange=self.name,
            symbol=canonical_symbol(base + quote),
            native=entry["symbol"],
            base=base,
            quote=quote,
            tick_size=parse_number(entry["tick_size"]),
            lot_size=parse_number(entry["lot_size"]),
        )


def _decoded(body, kind):
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"$title sent no JSON: {error}") from error
    if not isinstance(value, kind):
        raise CodecError(f"$title sent a {type(value).__name__} where a {kind.__name__} belongs")
    return value
'''

CODEC = '''\
"""One connection to $title: the frames to send, and what received frames mean."""

import json

from twap.ports.errors import CodecError
from twap.ports.events import Alive, Delta, Ignored, Snapshot, Subscribed


class ${type}Codec:
    def opened(self):
        return ()

    def subscribe(self, symbols):
        return [json.dumps({"op": "subscribe", "symbols": list(symbols)})]

    def unsubscribe(self, symbols):
        return [json.dumps({"op": "unsubscribe", "symbols": list(symbols)})]

    def probe(self):
        return json.dumps({"op": "ping"})

    def receive(self, frame):
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError) as error:
            raise CodecError(f"$title sent a frame that is no JSON: {error}") from error
        match message:
            case {"type": "delta", "symbol": str(symbol), "first": int(first), "last": int(last)}:
                return [Delta(symbol, first, last, _levels(message, "bids"), _levels(message, "asks"))]
            case {"type": "snapshot", "symbol": str(symbol), "sequence": int(sequence)}:
                return [Snapshot(symbol, _levels(message, "bids"), _levels(message, "asks"), sequence)]
            case {"type": "subscribed", "symbols": [*symbols]}:
                return [Subscribed([str(symbol) for symbol in symbols])]
            case {"type": "pong"}:
                return [Alive()]
            case {}:
                return [Ignored(str(message.get("type"))[:40])]
        raise CodecError(f"$title sent a frame that is no object: {frame[:80]!r}")


def _levels(message, side):
    """[[price, quantity], …] as text, exactly as the exchange wrote it."""
    match message.get(side):
        case [*levels] if all(_is_level(level) for level in levels):
            return levels
    raise CodecError(f"$title sent {side} that can't be read")


def _is_level(level):
    return isinstance(level, list) and len(level) >= 2 and all(isinstance(text, str) for text in level[:2])
'''

TEST = """\
import json

import pytest
from twap.ports.errors import CodecError
from twap.ports.events import Delta

from twap_$name.codec import ${type}Codec


def test_receive_when_a_delta_comes_then_its_digits_are_kept():
    frame = {"type": "delta", "symbol": "BTC-USDT", "first": 8, "last": 9, "bids": [["100.10", "0.5"]]}
    events = ${type}Codec().receive(json.dumps({**frame, "asks": []}).encode())
    assert events == [Delta("BTC-USDT", 8, 9, [["100.10", "0.5"]], [])]


WITHOUT_LEVELS = b'{"type": "delta", "symbol": "A", "first": 1, "last": 1}'


@pytest.mark.parametrize("frame", [b"", b"pong", b"[]", WITHOUT_LEVELS])
def test_receive_when_a_frame_breaks_the_protocol_then_codec_error(frame):
    with pytest.raises(CodecError):
        ${type}Codec().receive(frame)
"""

FILES: Mapping[str, str] = {
    "pyproject.toml": PROJECT,
    "twap_$name/__init__.py": PACKAGE,
    "twap_$name/exchange.py": EXCHANGE,
    "twap_$name/codec.py": CODEC,
    "tests/test_codec.py": TEST,
}
"""Where a file goes, and its text."""
