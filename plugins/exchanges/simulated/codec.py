"""One connection to the simulated market."""

from collections.abc import Sequence

import msgspec

from twap.plugins.exchanges.simulated.protocol import (
    UNREADABLE,
    BookDelta,
    BookSnapshot,
    Message,
    RejectedSymbols,
    Request,
    SubscribedTo,
    UnsubscribedFrom,
)
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, FeedEvent, Ignored, Rejected, Snapshot, Subscribed


class Named(msgspec.Struct):
    """As much of a damaged message as says whose it is."""

    symbol: str


class SimulatedCodec:
    def __init__(self) -> None:
        self._message = msgspec.json.Decoder(Message)
        self._named = msgspec.json.Decoder(Named)

    def opened(self) -> Sequence[str]:
        return ()

    def subscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [_frame(Request("subscribe", list(symbols)))]

    def unsubscribe(self, symbols: Sequence[str]) -> Sequence[str]:
        return [_frame(Request("unsubscribe", list(symbols)))]

    def probe(self) -> str | None:
        return _frame(Request("ping"))

    def receive(self, frame: bytes) -> Sequence[FeedEvent]:
        try:
            message = self._message.decode(frame)
        except UNREADABLE as error:
            return [self._damaged(frame, error)]
        match message:
            case BookDelta(symbol, first, last, time, bids, asks):
                return [Delta(symbol, first, last, bids, asks, time)]
            case BookSnapshot(symbol, step, time, bids, asks):
                return [Snapshot(symbol, bids, asks, step, time)]
            case SubscribedTo(symbols):
                return [Subscribed(symbols)]
            case RejectedSymbols(symbols, reason):
                return [Rejected(symbols, reason)]
            case UnsubscribedFrom():
                return [Ignored("unsubscribed")]
        return [Alive()]

    def _damaged(self, frame: bytes, error: Exception) -> FeedEvent:
        try:
            return Broken(self._named.decode(frame).symbol, str(error))
        except UNREADABLE:
            raise CodecError(f"the simulated market sent a frame that can't be read: {error}") from error


def _frame(request: Request) -> str:
    return msgspec.json.encode(request).decode()
