"""The log: structured, on standard error, one line an event, without secrets."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from twap.entrypoints.log_writer import BackgroundHandler

MASK = "***"
SECRET_KEYS = frozenset(
    {
        "access_token",
        "api_key",
        "authorization",
        "cookie",
        "password",
        "password_hash",
        "refresh_token",
        "secret",
        "secret_key",
        "set_cookie",
        "token",
    }
)
CHATTY = ("aiosqlite", "asyncio", "tortoise")
"""Libraries whose debug lines hold the values of queries, password hashes among them."""

_SECRETS = re.compile(
    r"(?P<url>\b[a-z][a-z0-9+.-]*://[^\s/@:]*:)[^\s/@]+(?=@)"
    r"|(?P<bearer>\bbearer\s+)[\w.~+/=-]+"
    r"|\beyJ[\w-]*\.[\w-]+\.[\w-]*",
    re.IGNORECASE | re.ASCII,
)
_BARE = re.compile(r"[\w.:/+@%,*-]+", re.ASCII)


def configure(level: str, format: Literal["text", "json"]) -> None:  # noqa: A002 - the setting's name
    """Send the events of structlog and of the standard library's logging to standard error.

    level  debug, info, warning, error or critical. May be called again; the last call counts.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.processors.JSONRenderer() if format == "json" else render_text,
    ]
    handler = _handler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.INFO))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:-1],
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _handler() -> logging.Handler:
    """A stream without a file behind it keeps nobody waiting."""
    try:
        return BackgroundHandler(sys.stderr.fileno())
    except (AttributeError, OSError):  # there is no standard error, or it is held in memory
        return logging.StreamHandler(sys.stderr)


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide values under secret keys at any depth, and passwords in URLs and tokens in any text."""
    return {key: _masked(key, value) for key, value in event.items()}


def render_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    """`TIME level event key=value …`, with everything that isn't printable escaped."""
    fields = dict(event)
    head = (fields.pop("timestamp", ""), f"{fields.pop('level', ''):8}", fields.pop("event", ""))
    shown = [_printable(str(part)) for part in head]
    return " ".join([*shown, *(f"{_printable(str(key))}={_quoted(value)}" for key, value in fields.items())])


def _masked(key: object, value: Any) -> Any:
    if isinstance(key, str) and key.lower().replace("-", "_") in SECRET_KEYS and value is not None:
        return MASK
    if isinstance(value, Mapping):
        return {inner: _masked(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(None, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _SECRETS.sub(lambda found: f"{found['url'] or found['bearer'] or ''}{MASK}", str(value))


def _quoted(value: Any) -> str:
    text = str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=True)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
