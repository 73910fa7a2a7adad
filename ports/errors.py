"""One tree of errors. Their texts are written for the person who made the request."""

from collections.abc import Iterable, Sequence
from decimal import Decimal


class TwapError(Exception):
    """Base of our errors; users may read the text."""


class Refused(TwapError):
    """The request is not allowed; nothing was changed."""


class NotFound(Refused):
    """What the request names does not exist (or is not the caller's)."""


class UnknownExchange(NotFound):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown exchange {name!r}; the enabled ones are: {', '.join(sorted(known))}")
        self.name = name


class UnknownSymbol(NotFound):
    def __init__(self, symbol: str, exchange: str) -> None:
        super().__init__(f"{exchange} has no tradable symbol {symbol!r}; GET /{exchange}/symbols lists them")
        self.symbol, self.exchange = symbol, exchange


class AmbiguousSymbol(NotFound):
    """Several instruments of one exchange would share a canonical symbol."""

    def __init__(self, symbol: str, exchange: str, natives: Sequence[str]) -> None:
        super().__init__(f"{symbol} is ambiguous on {exchange}: {', '.join(natives)} share that spelling")
        self.symbol, self.exchange, self.natives = symbol, exchange, tuple(natives)


class UnknownOrder(NotFound):
    def __init__(self, order_id: str) -> None:
        super().__init__(f"no order {order_id!r}")
        self.order_id = order_id


class InvalidField(Refused):
    """A field of a request breaks a rule.

    field    name as on the wire
    nearest  the nearest valid value, where there is one
    """

    def __init__(self, field: str, problem: str, nearest: Decimal | None = None) -> None:
        hint = "" if nearest is None else f"; the nearest valid value is {nearest:f}"
        super().__init__(f"{field}: {problem}{hint}")
        self.field, self.problem, self.nearest = field, problem, nearest


class UnknownInterval(InvalidField):
    def __init__(self, interval: str, supported: Iterable[str]) -> None:
        super().__init__("interval", f"{interval!r} is not supported; supported: {', '.join(supported)}")


class Conflict(Refused):
    """The request contradicts the state that is stored."""


class TransitionNotAllowed(Conflict):
    def __init__(self, order_id: str, status: str, wanted: str) -> None:
        super().__init__(f"order {order_id} is {status}; it can't become {wanted}")
        self.status, self.wanted = status, wanted


class UsernameTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("Username already exists")


class Unauthorized(Refused):
    """No token, or one that is wrong, expired or revoked."""


class WrongCredentials(Unauthorized):
    def __init__(self) -> None:
        super().__init__("wrong username or password")


class Forbidden(Refused):
    """The caller is known, but may not do this."""


class Throttled(Refused):
    """Too many requests; `retry_after_seconds` says when to come back."""

    def __init__(self, problem: str, retry_after_seconds: float) -> None:
        super().__init__(problem)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(TwapError):
    """Something outside can't be reached now; trying again later may help."""

    def __init__(self, problem: str, retry_after_seconds: float = 5) -> None:
        super().__init__(problem)
        self.retry_after_seconds = retry_after_seconds


class ExchangeUnavailable(Unavailable):
    def __init__(self, exchange: str, reason: str, retry_after_seconds: float = 5) -> None:
        super().__init__(f"{exchange} can't be reached: {reason}", retry_after_seconds)
        self.exchange, self.reason = exchange, reason


class UpstreamError(TwapError):
    """An exchange answered, but with something that can't be used."""

    def __init__(self, exchange: str, reason: str) -> None:
        super().__init__(f"{exchange} gave an answer that can't be used: {reason}")
        self.exchange, self.reason = exchange, reason


class StorageError(Unavailable):
    """The database refused a read or a write; nothing was half-written."""


class LostClaim(TwapError):
    """A write carried an old fencing number or revision; nothing was written."""


class CodecError(TwapError):
    """Bytes of an exchange that mean nothing by its protocol. The only error a codec may raise."""


class WrongSetting(TwapError):
    """A setting stops the start; the text is one line that names it."""
