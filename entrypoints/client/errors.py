"""What can go wrong between a client and its server."""

from collections.abc import Mapping, Sequence

from twap.ports.errors import TwapError


class ApiError(TwapError):
    """The server refused or failed: a problem in the form of RFC 9457.

    status  of HTTP
    errors  `{"field", "problem"}` of each field that breaks a rule (status 422)
    """

    def __init__(
        self, status: int, title: str, detail: str, errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(detail or f"{status} {title}")
        self.status, self.title, self.detail, self.errors = status, title, detail, tuple(errors)


class ServerUnreachable(TwapError):
    """Nothing answers at the address, or it fell silent. advice: what may help."""

    def __init__(self, url: str, reason: str, advice: str = "start one with: twap serve") -> None:
        super().__init__(f"no server answers at {url}: {reason}; {advice}")
        self.url, self.reason = url, reason


class NoServerAddress(ServerUnreachable):
    """The address can't be one of a server: trying again is of no use."""


class StreamRefused(TwapError):
    """The server refused a subscription; its text says why."""
