"""What clients may send, and what they are answered: plain functions of text."""

from dataclasses import dataclass
from typing import Any

import msgspec

from twap.ports.market import canonical_symbol

MAX_DEPTH = 1000
DEFAULT_DEPTH = 10
MAX_NAME_CHARACTERS = 40
MAX_EXCHANGES = 32
MAX_TOKEN_CHARACTERS = 4096
_MISSING = "Missing symbol or exchanges"
_ACTIONS = "subscribe, unsubscribe, subscribe_orders, ping"
_EXAMPLE = '{"action": "subscribe", "symbol": "BTCUSDT", "exchanges": ["Binance"]}'

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Subscribe:
    """symbol: canonical; exchanges: as the client spelled them; depth: prices a side."""

    symbol: str
    exchanges: tuple[str, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    symbol: str
    exchanges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubscribeOrders:
    token: str


@dataclass(frozen=True, slots=True)
class Ping:
    pass


Action = Subscribe | Unsubscribe | SubscribeOrders | Ping


class Mistake(Exception):
    """A frame that can't be followed. answer: what the client is told, as JSON text."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


def parse(frame: str) -> Action:
    """What a text frame asks for. Raises Mistake, and nothing else, whatever the frame holds."""
    asked = _object(frame)
    match asked.get("action"):
        case "ping":
            return Ping()
        case "subscribe_orders":
            return SubscribeOrders(_token(asked))
        case "subscribe":
            symbol, exchanges = _book(asked)
            return Subscribe(symbol, exchanges, _depth(asked, symbol))
        case "unsubscribe":
            return Unsubscribe(*_book(asked))
        case None:
            _book(asked)
            raise Mistake(error(f"action is missing; the actions are: {_ACTIONS}"))
        case str(action):
            raise Mistake(
                error(f"unknown action {action[:MAX_NAME_CHARACTERS]!r}; the actions are: {_ACTIONS}")
            )
    raise Mistake(error(f"action must be text; the actions are: {_ACTIONS}"))


def _object(frame: str) -> dict[str, Any]:
    try:
        asked = _decode(frame)
    except RecursionError:
        raise Mistake(error(f"the frame is nested too deeply; send an object such as {_EXAMPLE}")) from None
    except (msgspec.MsgspecError, UnicodeEncodeError) as problem:
        raise Mistake(
            error(f"the frame is not JSON ({problem}); send an object such as {_EXAMPLE}")
        ) from None
    if not isinstance(asked, dict):
        raise Mistake(error(f"the frame is no JSON object; send one such as {_EXAMPLE}"))
    return asked


def _book(asked: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    symbol, exchanges = asked.get("symbol"), asked.get("exchanges")
    if symbol in (None, "") or exchanges in (None, "", []):
        raise Mistake(error(_MISSING))
    if not isinstance(symbol, str) or len(symbol) > MAX_NAME_CHARACTERS:
        raise Mistake(error(f"symbol must be text of at most {MAX_NAME_CHARACTERS} characters"))
    if not isinstance(exchanges, list) or len(exchanges) > MAX_EXCHANGES or not all(map(_is_name, exchanges)):
        raise Mistake(error(f"exchanges must be a list of at most {MAX_EXCHANGES} names"))
    return canonical_symbol(symbol), tuple(exchanges)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARACTERS


def _depth(asked: dict[str, Any], symbol: str) -> int:
    depth = asked.get("depth", DEFAULT_DEPTH)
    # type(), not isinstance(): true is no depth.
    if type(depth) is not int or not 1 <= depth <= MAX_DEPTH:
        raise Mistake(subscribe_failure(f"depth must be an integer from 1 to {MAX_DEPTH}", symbol))
    return depth


def _token(asked: dict[str, Any]) -> str:
    token = asked.get("token")
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
        raise Mistake(subscribe_orders_failure("token must be the access token of POST /login"))
    return token


def _text(**fields: Any) -> str:
    return _encode(fields).decode()


def error(problem: str) -> str:
    return _text(error=problem)


def welcome() -> str:
    return _text(type="welcome", message="Welcome to Twap-Trading-API WebSocket")


def pong() -> str:
    return _text(type="pong")


def subscribe_success(symbol: str, exchanges: tuple[str, ...]) -> str:
    message = f"Subscribed to {symbol} on {', '.join(exchanges)}"
    return _text(type="subscribe_success", message=message, symbol=symbol, exchanges=exchanges)


def subscribe_failure(problem: str, symbol: str) -> str:
    return _text(type="subscribe_failure", message=problem, symbol=symbol)


def unsubscribe_success(symbol: str, exchanges: tuple[str, ...]) -> str:
    message = f"Unsubscribed from {symbol} on {', '.join(exchanges)}"
    return _text(type="unsubscribe_success", message=message, symbol=symbol)


def unsubscribe_failure(problem: str, symbol: str) -> str:
    return _text(type="unsubscribe_failure", error=problem, symbol=symbol)


def subscribe_orders_success(username: str) -> str:
    return _text(type="subscribe_orders_success", message=f"Subscribed to the orders of {username}")


def subscribe_orders_failure(problem: str) -> str:
    return _text(type="subscribe_orders_failure", message=problem)


def subscribe_orders_expired(problem: str) -> str:
    message = f"{problem}; subscribe_orders with a new token goes on"
    return _text(type="subscribe_orders_expired", message=message)
