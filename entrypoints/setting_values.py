"""How the text of a setting is read. Every function raises ValueError saying what is wrong."""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from twap.ports.numbers import parse_number


def comma_list(value: object) -> object:
    """`a, b` as ("a", "b"); anything but text as it is."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def json_object(value: object) -> object:
    """A JSON object with its numbers as their text, exactly; anything but text as it is."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value, parse_float=str, parse_int=str, object_pairs_hook=_without_repetition)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("not a JSON object")
    return parsed


def distinct(names: Iterable[str]) -> None:
    """Raises ValueError for a name that comes twice, in whatever case."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"{name} is named twice")
        seen.add(name.casefold())


def address(text: str, schemes: tuple[str, ...]) -> str:
    """Scheme, host and port, without a trailing slash. Its text is never repeated: it may hold a password."""
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError("not a URL") from None
    if parts.scheme not in schemes or not has_host:
        raise ValueError(f"not a URL of {' or '.join(f'{scheme}://' for scheme in schemes)}HOST[:PORT]")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL with a user name or password")
    if parts.path not in ("", "/") or parts.query or parts.fragment or _odd(text):
        raise ValueError("a URL with more than scheme, host and port")
    return f"{parts.scheme}://{parts.netloc}"


def _odd(text: str) -> bool:
    return any(character.isspace() or not character.isprintable() for character in text)


def server_url(host: str, port: int) -> str:
    """Where a server that listens there is found."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def origin(text: str) -> str:
    return text if text == "*" else address(text, ("http", "https"))


def ip_address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def fee(value: Any) -> Decimal:
    """A ratio from 0 to below 0.1, exactly as it is written."""
    ratio = value if isinstance(value, Decimal) else parse_number(str(value))
    if not (ratio.is_finite() and 0 <= ratio < Decimal("0.1")):
        raise ValueError(f"a fee of {value}, not from 0 to below 0.1")
    return ratio


def database_url(text: str) -> str:
    """What is needed to tell that it is one; the storage reads the rest. Never repeated, for its password."""
    if text == "sqlite://:memory:":
        return text
    try:
        parts = urlsplit(text)
        port_is_right = parts.port != 0
    except ValueError:
        raise ValueError("not a URL") from None
    if parts.scheme == "sqlite" and parts.path.strip("/"):
        return text
    if parts.scheme in ("postgres", "postgresql") and port_is_right and parts.path.strip("/"):
        return text
    raise ValueError("not a database's URL")


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{quote(file.absolute().as_posix())}"


def named(mapping: Mapping[str, Any], name: str) -> Any | None:
    """The value under `name` in whatever case."""
    return next((value for key, value in mapping.items() if key.casefold() == name.casefold()), None)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    distinct(name for name, _ in pairs)
    return dict(pairs)
