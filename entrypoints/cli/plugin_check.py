"""Puts an exchange plugin through its paces, without a network: what `twap.ports.exchange` asks of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint

from twap.entrypoints.cli.plugin_fuzz import EVENTS, GARBAGE, mutations
from twap.entrypoints.discovery import load, reason_of
from twap.entrypoints.setting_values import address
from twap.ports.errors import CodecError
from twap.ports.exchange import Exchange, FeedCodec, OpenFeed
from twap.ports.market import Instrument
from twap.ports.transport import HttpRequest

FRAMES = 2_000
SYMBOLS = ("BTC-USDT", "ETHUSDT")
_START = datetime(2025, 2, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """problem: None where all is well."""

    what: str
    problem: str | None = None


class Wrong(Exception):
    """What a plugin does that the port does not allow."""


def inspect(plugin: EntryPoint) -> list[Check]:
    """All checks, in order; the first alone where the plugin can't be loaded."""
    try:
        exchange = load(plugin)
    # A plugin may raise anything.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return [Check("loads as an exchange", reason_of(error))]
    paces: Sequence[tuple[str, Callable[[Exchange], None]]] = (
        ("addresses are scheme, host and port", _addresses),
        ("limits are positive and fit together", _limits),
        ("book rules fit together", _rules),
        ("the taker fee is a ratio below 0.1", _fee),
        ("candle intervals ascend", _intervals),
        ("requests have a path and text parameters", _requests),
        ("opening a feed names a place", _opening),
        ("frames to send are text within the limit", _frames),
        ("each connection has a codec of its own", _own_codecs),
        (f"receive() answers {FRAMES} damaged frames with events or CodecError", _fuzzed_frames),
        ("HTTP bodies that are damaged raise CodecError alone", _fuzzed_bodies),
    )
    return [Check("loads as an exchange"), *(Check(what, _problem(pace, exchange)) for what, pace in paces)]


def _problem(pace: Callable[[Exchange], None], exchange: Exchange) -> str | None:
    try:
        pace(exchange)
    except Wrong as wrong:
        return str(wrong)
    # A fault inside the plugin is a finding, whatever it is.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return reason_of(error)
    return None


def _ask(right: bool, problem: str) -> None:
    if not right:
        raise Wrong(problem)


def _addresses(exchange: Exchange) -> None:
    if exchange.transport() is not None:
        return  # it finds its own way
    for name, text, schemes in (
        ("rest", exchange.endpoints.rest, ("https", "http")),
        ("ws", exchange.endpoints.ws, ("wss", "ws")),
    ):
        try:
            _ask(address(text, schemes) == text, f"endpoints.{name} has a slash at its end: {text}")
        except ValueError as error:
            raise Wrong(f"endpoints.{name}: {text} is {error}") from None


def _limits(exchange: Exchange) -> None:
    limits = exchange.limits
    for field in fields(limits):
        value = getattr(limits, field.name)
        if value is None or isinstance(value, bool):
            continue
        numbers = value if isinstance(value, tuple) else (value,)
        _ask(all(number > 0 for number in numbers), f"limits.{field.name} is {value}, not above 0")
    _ask(
        limits.symbols_per_frame <= limits.symbols_per_connection or limits.symbols_per_connection == 1,
        "limits.symbols_per_frame is above symbols_per_connection",
    )
    _ask(limits.max_frame_bytes >= 2**16, "limits.max_frame_bytes is below 64 KiB: no snapshot would fit")
    _ask(exchange.candles_per_request > 0, "candles_per_request is not above 0")
    _ask(exchange.candle_history is None or exchange.candle_history > 0, "candle_history is not above 0")


def _rules(exchange: Exchange) -> None:
    rules = exchange.rules
    for name in ("seed_depth", "kept_depth"):
        value = getattr(rules, name)
        _ask(value is None or value > 0, f"rules.{name} is {value}, not above 0")
    _ask(rules.refill_below >= 0, "rules.refill_below is negative")
    if rules.checksum is not None:
        _ask(rules.checksum.depth > 0, "rules.checksum.depth is not above 0")
        _ask(isinstance(rules.checksum([("2", "1")], [("3", "1")]), int), "rules.checksum gives no integer")


def _fee(exchange: Exchange) -> None:
    fee = exchange.taker_fee
    _ask(fee.is_finite() and 0 <= fee < Decimal("0.1"), f"taker_fee is {fee}, not from 0 to below 0.1")


def _intervals(exchange: Exchange) -> None:
    spans = list(exchange.intervals.values())
    _ask(bool(spans), "intervals is empty")
    _ask(all(isinstance(span, timedelta) and span > timedelta(0) for span in spans), "a span is not above 0")
    _ask(spans == sorted(spans), "intervals do not stand in order, shortest first")


def _requests(exchange: Exchange) -> None:
    _request(exchange.instruments_request(), "instruments_request")
    for interval in exchange.intervals:
        wanted = exchange.candles_request(_instrument(exchange), interval, _START, _START + timedelta(days=1))
        _request(wanted, "candles_request")
    if exchange.rules.snapshot_by_rest:
        _request(exchange.snapshot_request(SYMBOLS[0]), "snapshot_request")
    handshake = exchange.handshake_request()
    if handshake is not None:
        _request(handshake, "handshake_request")


def _request(request: HttpRequest, name: str) -> None:
    _ask(isinstance(request, HttpRequest), f"{name} gives a {type(request).__name__}, not an HttpRequest")
    _ask(request.path.startswith("/") and "?" not in request.path, f"{name}: path {request.path!r}")
    _ask(request.weight > 0, f"{name}: weight {request.weight} is not above 0")
    for key, value in request.query.items():
        _ask(isinstance(key, str) and isinstance(value, str), f"{name}: parameter {key} is not text")


def _opening(exchange: Exchange) -> None:
    if exchange.handshake_request() is not None:
        for body in GARBAGE:
            _only_codec_errors(exchange.open_feed, body)
        return
    opening = exchange.open_feed(None)
    _ask(isinstance(opening, OpenFeed), f"open_feed gives a {type(opening).__name__}, not an OpenFeed")
    _ask(opening.url is not None or opening.path.startswith("/"), f"open_feed: path {opening.path!r}")


def _frames(exchange: Exchange) -> None:
    for frame in _all_frames(exchange.codec()):
        _ask(isinstance(frame, str), f"a frame to send is a {type(frame).__name__}, not text")
        _ask(len(frame) <= exchange.limits.max_frame_bytes, "a frame to send is above max_frame_bytes")


def _all_frames(codec: FeedCodec) -> Iterator[str]:
    yield from codec.opened()
    yield from codec.subscribe(SYMBOLS)
    probe = codec.probe()
    if probe is not None:
        yield probe
    yield from codec.unsubscribe(SYMBOLS)


def _own_codecs(exchange: Exchange) -> None:
    _ask(exchange.codec() is not exchange.codec(), "codec() gives the same object twice")


def _fuzzed_frames(exchange: Exchange) -> None:
    own = [frame.encode() for frame in _all_frames(exchange.codec())]
    codec = exchange.codec()
    codec.subscribe(SYMBOLS)
    for frame in mutations(own, FRAMES):
        events = _only_codec_errors(codec.receive, frame)
        if events is not None:
            _ask(
                isinstance(events, Iterable) and all(isinstance(event, EVENTS) for event in events),
                f"receive({frame[:60]!r}) gives something that is no event",
            )


def _fuzzed_bodies(exchange: Exchange) -> None:
    instrument, interval = _instrument(exchange), next(iter(exchange.intervals))
    for body in mutations(GARBAGE, FRAMES // 4):
        _only_codec_errors(exchange.instruments, body)
        _only_codec_errors(exchange.candles, body, instrument, interval)
        if exchange.rules.snapshot_by_rest:
            _only_codec_errors(exchange.snapshot, body, SYMBOLS[0])


def _only_codec_errors(read: Callable[..., object], data: bytes, *others: object) -> object | None:
    """What `read` gives; None where it raises CodecError."""
    try:
        return read(data, *others)
    except CodecError:
        return None
    except Exception as error:
        raise Wrong(f"{read.__name__}({data[:60]!r}) raises {reason_of(error)}") from error


def _instrument(exchange: Exchange) -> Instrument:
    tick, lot = Decimal("0.01"), Decimal("0.00001")
    return Instrument(exchange.name, "BTCUSDT", SYMBOLS[0], "BTC", "USDT", tick, lot)
