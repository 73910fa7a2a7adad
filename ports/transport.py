"""The port to the network: HTTP requests and WebSocket connections."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to an exchange's REST API.

    path    begins with "/", without the query
    query   in the order to be sent
    weight  of the exchange's rate limit
    beside  of a request for candles: another one, for what this one's answer leaves out of the range, where
            an exchange keeps its newest candles apart from the old ones
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    weight: int = 1
    beside: "HttpRequest | None" = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectionEnded(Exception):
    """The other side is gone, or the connection broke; the text says how."""


class UpgradeRefused(OSError):
    """The other side answered the opening of a WebSocket with an HTTP status. headers: of that answer."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"the WebSocket was refused with HTTP {status}")
        self.status, self.headers = status, headers


class Connection(Protocol):
    """One WebSocket."""

    async def send(self, frame: str) -> None:
        """Raises ConnectionEnded."""
        ...

    async def ping(self) -> None:
        """A protocol ping; its pong comes out of `receive`. Raises ConnectionEnded."""
        ...

    async def receive(self) -> bytes | None:
        """The next data frame; None for a protocol ping or pong (pings are answered). Raises
        ConnectionEnded at the end, also for a frame over the limit."""
        ...

    async def close(self) -> None:
        """Bounded; never raises for a broken connection."""
        ...


class Transport(Protocol):
    """Raises OSError or TimeoutError where nothing answers."""

    async def request(self, base: str, request: HttpRequest, timeout_seconds: float) -> HttpResponse: ...

    async def connect(
        self, url: str, headers: Mapping[str, str], max_frame_bytes: int, timeout_seconds: float
    ) -> Connection: ...

    async def close(self) -> None: ...
