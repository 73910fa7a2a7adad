"""One connection to Bybit's public spot stream, `orderbook.1000.<symbol>`.

Of the depths 1, 50, 200 and 1000 the deepest: a slice looks at the book about once a second, so its 200 ms
instead of 100 ms cost nothing, while liquidity beyond the 200th level would be reported as missing. Bybit
keeps the window at exactly that many levels by deletes of its own.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from twap.ports.errors import CodecError
from twap.ports.events import (
    Alive,
    Broken,
    Delta,
    FeedEvent,
    Ignored,
    Rejected,
    Snapshot,
    Subscribed,
    WireLevels,
)

TOPIC = "orderbook.1000."

UpdateId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises for bytes that are no JSON, no UTF-8, of the wrong shape or nested too deep."""


class Changes(msgspec.Struct, gc=False):
    """s: symbol; b, a: price and size; u: counts the updates of this book, one by one."""

    s: str
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    u: UpdateId


class Push(msgspec.Struct, gc=False):
    """ts: milliseconds, when Bybit's system made it."""

    topic: str
    type: Literal["snapshot", "delta"]
    ts: int
    data: Changes


class BybitCodec:
    """Nearly all frames are order book pushes, so those are decoded at once into their type; what does not
    fit is looked at a second time, without haste."""

    def __init__(self) -> None:
        self._push = msgspec.json.Decoder(Push)
        self._anything = msgspec.json.Decoder()
        self._last_id = 0
        self._pending: dict[str, tuple[str, ...]] = {}

    def opened(self) -> Sequence[str]:
        return ()

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        frame = self._request("subscribe", symbols)
        self._pending[str(self._last_id)] = tuple(symbols)
        return [frame]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [self._request("unsubscribe", symbols)]

    def probe(self) -> str | None:
        return '{"op":"ping"}'

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        try:
            push = self._push.decode(frame)
        except UNREADABLE:
            return [self._look_again(frame)]
        if not push.topic.startswith("orderbook."):
            return [Ignored(push.topic[:40])]
        changes = push.data
        return [_event(push.type, changes.s, changes.u, changes.b, changes.a, push.ts)]

    def _request(self, operation: str, symbols: Sequence[str]) -> str:
        self._last_id += 1
        topics = [TOPIC + symbol for symbol in symbols]
        request = {"req_id": str(self._last_id), "op": operation, "args": topics}
        return msgspec.json.encode(request).decode()

    def _look_again(self, frame: bytes) -> FeedEvent:
        try:
            message = self._anything.decode(frame)
        except UNREADABLE as error:
            raise CodecError(f"Bybit sent a frame that is no JSON: {error}") from error
        match message:
            case {"topic": str(topic)} if topic.startswith("orderbook."):
                return _irregular_push(topic.split(".", 2)[-1], message)
            case {"topic": str(topic)}:
                return Ignored(topic[:40])
            case {"op": "ping" | "pong"} | {"ret_msg": "pong"}:
                return Alive()
            case {"op": "subscribe", "success": True}:
                symbols = self._answered(message.get("req_id"), "")
                return Subscribed(symbols) if symbols else Ignored("answer to an unknown request")
            case {"op": "subscribe", "success": False}:
                reason = str(message.get("ret_msg"))
                symbols = self._answered(message.get("req_id"), reason)
                return Rejected(symbols, reason) if symbols else Ignored(f"refusal: {reason[:80]}")
            case {}:
                return Ignored(str(message.get("op", "unknown frame"))[:40])
        raise CodecError(f"Bybit sent a frame that is no object: {frame[:80]!r}")

    def _answered(self, request: object, reason: str) -> tuple[str, ...]:
        """The symbols of the request that was answered: success and refusal are of a request as a whole.

        Refusals may come without the request's id: then the topic that the reason names tells which one it
        was, or else it is the oldest, since answers come in order.
        """
        if isinstance(request, str) and request:
            return self._pending.pop(request, ())
        for key, symbols in self._pending.items():
            if any(TOPIC + symbol in reason for symbol in symbols):
                return self._pending.pop(key)
        return self._pending.pop(next(iter(self._pending), ""), ())


def _event(
    kind: str, symbol: str, update: int, bids: WireLevels, asks: WireLevels, time: int | None
) -> FeedEvent:
    """After a restart of Bybit's service the count begins anew, and what it says replaces the book."""
    if kind == "snapshot" or update == 1:
        return Snapshot(symbol, bids, asks, update, time)
    return Delta(symbol, update, update, bids, asks, time)


def _irregular_push(symbol: str, message: dict[str, Any]) -> FeedEvent:
    """An order book push with longer levels than today's, or damaged."""
    match message:
        case {
            "type": "snapshot" | "delta" as kind,
            "data": {"s": str(named), "u": int(update), "b": list(bids), "a": list(asks)},
        }:
            time = message.get("ts")
            if 0 <= update < 2**63 and named == symbol and _are_levels(bids) and _are_levels(asks):
                return _event(kind, symbol, update, bids, asks, time if isinstance(time, int) else None)
    return Broken(symbol, "the order book push lacks a field or has one of the wrong type")


def _are_levels(levels: WireLevels) -> bool:
    return all(
        isinstance(level, list) and len(level) >= 2 and all(isinstance(text, str) for text in level[:2])
        for level in levels
    )
