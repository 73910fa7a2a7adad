"""Bodies of Kucoin's REST API: `{"code": "200000", "data": …}`, or another code and a `msg`."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from twap.ports.errors import CodecError
from twap.ports.events import Snapshot
from twap.ports.market import Candle, Instrument, canonical_symbol
from twap.ports.numbers import parse_minimum, parse_plain, parse_step

UNREADABLE = (ValueError, RecursionError, OverflowError, OSError, IndexError)
"""What damaged bodies raise: msgspec's errors are ValueErrors, the others come of times out of range."""


Name = Annotated[str, msgspec.Meta(min_length=1)]


class Answer(msgspec.Struct):
    code: str | int
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class Symbol(msgspec.Struct, rename="camel"):
    """increments and sizes: of the base, but priceIncrement and minFunds in quote."""

    symbol: Name
    base_currency: Name
    quote_currency: Name
    price_increment: str
    base_increment: str
    enable_trading: bool
    base_min_size: str | None = None
    min_funds: str | None = None


class Book(msgspec.Struct):
    sequence: str | int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    time: int | None = None


class Server(msgspec.Struct, rename="camel"):
    """ping_interval: milliseconds; a client that is silent for longer may be cut off."""

    endpoint: str
    ping_interval: float | None = None


class Token(msgspec.Struct, rename="camel"):
    token: str
    instance_servers: list[Server]


T = TypeVar("T")


def read_instruments(body: bytes, exchange: str) -> list[Instrument]:
    """Those that trade; entries that can't be read are left out."""
    found = (_instrument(entry, exchange) for entry in _data(body, list[msgspec.Raw]))
    return [instrument for instrument in found if instrument is not None]


def _instrument(entry: msgspec.Raw, exchange: str) -> Instrument | None:
    """A currency may be renamed while the id stays (BCHSV-USDT trades BSV): the id gives the symbol."""
    try:
        symbol = msgspec.json.decode(entry, type=Symbol)
        if not symbol.enable_trading:
            return None
        return Instrument(
            exchange=exchange,
            symbol=canonical_symbol(symbol.symbol),
            native=symbol.symbol,
            base=symbol.base_currency.upper(),
            quote=symbol.quote_currency.upper(),
            tick_size=parse_step(symbol.price_increment),
            lot_size=parse_step(symbol.base_increment),
            min_quantity=parse_minimum(symbol.base_min_size),
            min_notional=parse_minimum(symbol.min_funds),
        )
    except UNREADABLE:
        return None


def read_candles(body: bytes) -> list[Candle]:
    """Rows of `[seconds, open, close, high, low, volume, turnover]`, all text, the newest first."""
    try:
        return [_candle(row) for row in _data(body, list[list[str]])]
    except UNREADABLE as error:
        raise CodecError(f"a candle that can't be read: {error}") from error


def _candle(row: list[str]) -> Candle:
    return Candle(
        open_at=datetime.fromtimestamp(int(row[0]), UTC),
        open=parse_plain(row[1]),
        close=parse_plain(row[2]),
        high=parse_plain(row[3]),
        low=parse_plain(row[4]),
        volume=parse_plain(row[5]),
    )


def read_snapshot(body: bytes, symbol: str) -> Snapshot:
    book = _data(body, Book)
    try:
        sequence = int(book.sequence)
    except ValueError as error:
        raise CodecError(f"a snapshot of {symbol} with sequence {str(book.sequence)[:40]!r}") from error
    return Snapshot(symbol, book.bids, book.asks, sequence, book.time)


def read_token(body: bytes) -> tuple[str, str, float | None]:
    """The endpoint, as it was given, the token to show there, and the seconds between pings at most."""
    answer = _data(body, Token)
    if not answer.instance_servers or not answer.token:
        raise CodecError("no server and token in the answer to bullet-public")
    server = answer.instance_servers[0]
    endpoint, interval = server.endpoint, server.ping_interval
    if not endpoint.startswith(("wss://", "ws://")):
        raise CodecError(f"not a WebSocket endpoint: {endpoint[:80]!r}")
    return endpoint, answer.token, interval / 1000 if interval and interval > 0 else None


def _data(body: bytes, kind: type[T]) -> T:
    try:
        answer = msgspec.json.decode(body, type=Answer)
        if str(answer.code) != "200000":
            raise CodecError(f"{answer.code} {answer.msg[:200]}".strip())
        return msgspec.json.decode(answer.data, type=kind)
    except UNREADABLE as error:
        raise CodecError(f"not an answer of Kucoin's: {error}") from error
