"""Why connections end."""

from twap.plugins.transport.counters import Counters
from twap.ports.errors import CodecError, TwapError
from twap.ports.transport import ConnectionEnded

_LONGEST_REASON = 200


class BrokenFrame(ConnectionEnded):
    """A frame broke the WebSocket protocol, or was larger than allowed."""


class Ended(Exception):
    """A connection is over. planned: announced, by the exchange or by us; not a fault."""

    def __init__(self, reason: str, *, planned: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.planned = " ".join(reason.split())[:_LONGEST_REASON], planned


def ending(error: BaseException, counters: Counters) -> Ended:
    """What an exception out of a connection's life means. Broken frames are counted."""
    text = str(error) or type(error).__name__
    match error:
        case Ended():
            return error
        case CodecError():
            counters.malformed += 1
            return Ended(f"a frame broke the protocol: {text}")
        case BrokenFrame():
            counters.malformed += 1
            return Ended(text)
        case ConnectionEnded() | OSError() | TimeoutError() | TwapError():
            return Ended(text)
    return Ended(f"a fault in the exchange's plugin: {type(error).__name__}: {text}")
