"""One connection to Binance's market streams: `<symbol>@depth@100ms` on the raw endpoint `/ws`.

Source: `web-socket-streams.md`, "Diff. Depth Stream" and "Live Subscribing/Unsubscribing to streams".
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from twap.ports.errors import CodecError
from twap.ports.events import Broken, Delta, FeedEvent, Ignored, Reconnect, Rejected, Subscribed, WireLevels

UpdateId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises for bytes that are no JSON, no UTF-8, of the wrong shape or nested too deep."""


class Depth(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    """A `depthUpdate`. E: milliseconds; U, u: first and last update id in it; b, a: price and quantity."""

    s: str
    U: UpdateId
    u: UpdateId
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    E: int | None = None


class Combined(msgspec.Struct, gc=False):
    """The envelope of the `/stream` endpoint."""

    data: Depth


class BinanceCodec:
    """Nearly all frames are depth updates, so those are decoded at once into their type; what does not fit
    is looked at a second time, without haste."""

    def __init__(self) -> None:
        self._depth = msgspec.json.Decoder(Depth)
        self._combined = msgspec.json.Decoder(Combined)
        self._anything = msgspec.json.Decoder()
        self._last_id = 0
        self._pending: dict[int, tuple[str, ...]] = {}

    def opened(self) -> Sequence[str]:
        return ()

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        frame = self._request("SUBSCRIBE", symbols)
        self._pending[self._last_id] = tuple(symbols)
        return [frame]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [self._request("UNSUBSCRIBE", symbols)]

    def probe(self) -> str | None:
        return None

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        try:
            # The order of keys only chooses the quicker decoder: another order takes the longer way below.
            if frame.startswith(b'{"stream"'):
                depth = self._combined.decode(frame).data
            else:
                depth = self._depth.decode(frame)
        except UNREADABLE:
            return [self._look_again(frame)]
        if depth.u < depth.U:
            return [Broken(depth.s, f"the update begins at {depth.U} and ends at {depth.u}")]
        return [Delta(depth.s, depth.U, depth.u, depth.b, depth.a, depth.E)]

    def _request(self, method: str, symbols: Sequence[str]) -> str:
        self._last_id += 1
        streams = [f"{symbol.lower()}@depth@100ms" for symbol in symbols]
        return msgspec.json.encode({"method": method, "params": streams, "id": self._last_id}).decode()

    def _look_again(self, frame: bytes) -> FeedEvent:
        try:
            message = self._anything.decode(frame)
        except UNREADABLE as error:
            raise CodecError(f"Binance sent a frame that is no JSON: {error}") from error
        if isinstance(message, dict) and "stream" in message:
            message = message.get("data")
        match message:
            case {"e": "depthUpdate", "s": str(symbol)}:
                return _irregular_depth(symbol, message)
            case {"e": "serverShutdown"}:
                return Reconnect("Binance announced that this server shuts down", planned=True)
            case {"e": str(kind)}:
                return Ignored(kind[:40])
            case {"error": {"msg": str(reason)}} | {"code": int(), "msg": str(reason)}:
                refused = self._refused(message.get("id"))
                return Rejected(refused, reason) if refused else Ignored(f"refusal: {reason[:80]}")
            case {"result": None, "id": int(request)}:
                symbols = self._pending.pop(request, ())
                return Subscribed(symbols) if symbols else Ignored("answer to another request")
            case {}:
                return Ignored("unknown frame")
        raise CodecError(f"Binance sent a frame that is no object: {frame[:80]!r}")

    def _refused(self, request: object) -> tuple[str, ...]:
        """The symbols of that request (none, if it subscribed to nothing); of all that are pending where the
        answer names no request."""
        if isinstance(request, int):
            return self._pending.pop(request, ())
        everything = tuple(symbol for symbols in self._pending.values() for symbol in symbols)
        self._pending.clear()
        return everything


def _irregular_depth(symbol: str, message: dict[str, Any]) -> FeedEvent:
    """A depth update in another key order, with longer levels than today's, or damaged."""
    match message:
        case {"U": int(first), "u": int(last), "b": list(bids), "a": list(asks)}:
            time = message.get("E")
            if 0 <= first <= last < 2**63 and _are_levels(bids) and _are_levels(asks):
                return Delta(symbol, first, last, bids, asks, time if isinstance(time, int) else None)
    return Broken(symbol, "the depth update lacks a field or has one of the wrong type")


def _are_levels(levels: WireLevels) -> bool:
    return all(
        isinstance(level, list) and len(level) >= 2 and all(isinstance(text, str) for text in level[:2])
        for level in levels
    )
