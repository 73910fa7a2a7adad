"""Request bodies as Python values without losing a digit: numbers stay text until a field asks for them."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from twap.entrypoints.http.problems import FieldError, InvalidRequest, MalformedBody
from twap.ports.numbers import parse_number


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as it was written. A type of its own, so that text is never taken for a number."""

    text: str


def decode_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, each number in it a `Number`.

    Raises MalformedBody where it is no JSON, and InvalidRequest where it is JSON but no object.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_float=Number,
            parse_int=Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8 text") from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        raise MalformedBody(f"the body is not JSON: {what} at character {error.pos}") from None
    if b"\\u" in body and not _is_unicode(value):
        raise MalformedBody("the body escapes half of a character (a lone surrogate)")
    if not isinstance(value, dict):
        raise InvalidRequest([FieldError("body", "must be a JSON object")])
    return value


def exact_decimal(value: object) -> Decimal:
    """A decimal from a JSON number or a string of digits, exactly. Raises ValueError saying what is wrong."""
    match value:
        case Number(text=text) | str(text):
            return parse_number(text)
        case Decimal():
            return value
    raise ValueError("must be a number or a string of digits")


def exact_integer(value: object) -> int:
    """An integer from a JSON number. Raises ValueError saying what is wrong."""
    if not isinstance(value, Number):
        raise ValueError("must be an integer")
    exact = parse_number(value.text)
    if exact != exact.to_integral_value():
        raise ValueError("must be an integer")
    return int(exact)


def _is_unicode(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"the body is not JSON: {name} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedBody(f"the body names {twice[:64]!r} twice")
    return result
