"""Query strings: read strictly, every problem named by its parameter."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from quart import request

from twap.entrypoints.http.requests import read_time
from twap.ports.errors import InvalidField
from twap.ports.store import PageKey

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Choice = TypeVar("Choice", bound=StrEnum)


def text(name: str) -> str | None:
    """None where it is not given. Raises InvalidField where it is empty or longer than 256 characters."""
    value = request.args.get(name)
    if value is not None and not 0 < len(value) <= 256:
        raise InvalidField(name, "must have 1 to 256 characters")
    return value


def required(name: str) -> str:
    value = text(name)
    if value is None:
        raise InvalidField(name, "is required")
    return value


def integer(name: str, default: int | None, least: int, most: int) -> int:
    """Required where the default is None."""
    if default is not None and name not in request.args:
        return default
    value = required(name)
    if not _DIGITS.fullmatch(value) or not least <= int(value) <= most:
        raise InvalidField(name, f"must be an integer from {least} to {most}")
    return int(value)


def choice(name: str, choices: type[Choice]) -> Choice | None:
    value = text(name)
    if value is None:
        return None
    try:
        return choices(value)
    except ValueError:
        raise InvalidField(name, f"must be one of {', '.join(choices)}") from None


def time(name: str) -> datetime:
    """A required time. The `+` of an offset that was not percent-encoded arrives as a space."""
    value = required(name)
    moment = re.sub(r"(T.*) (\d\d:?\d\d)$", r"\1+\2", value)
    try:
        return read_time(moment)
    except ValueError as error:
        raise InvalidField(name, str(error)) from None


def cursor_of(key: PageKey) -> str:
    """Opaque to clients: where the next page begins."""
    microseconds = (key.created_at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(f"{microseconds}.{key.order_id}".encode()).rstrip(b"=").decode()


def cursor(name: str = "cursor") -> PageKey | None:
    """What `cursor_of` gave. Raises InvalidField for anything else."""
    value = text(name)
    if value is None:
        return None
    try:
        padded = value + "=" * (-len(value) % 4)
        moment, _, order_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(".")
        key = PageKey(_EPOCH + timedelta(microseconds=int(moment)), order_id)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidField(name, "is none that this server gave") from None
    if cursor_of(key) != value:
        raise InvalidField(name, "is none that this server gave")
    return key
