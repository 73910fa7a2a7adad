"""Exact decimal numbers: how they are read, written and bounded everywhere."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import reduce

EXACT = Context(prec=120, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Arithmetic that raises instead of rounding. `with localcontext(EXACT): …`"""

add, subtract, multiply = EXACT.add, EXACT.subtract, EXACT.multiply
"""Of two numbers, with every digit, whatever the caller's decimal context. Bound once: looking them up in
EXACT would take half as long again, and a slice is made of such steps."""

_divide_int = EXACT.divide_int


def whole_lots(quantity: Decimal, lot: Decimal) -> int:
    """How many lots (above 0) a quantity holds; what is left below one is dropped. Costs two of the above."""
    return int(_divide_int(quantity, lot))


MAX_INTEGER_DIGITS = 18
MAX_DECIMAL_PLACES = 18

_ZERO = Decimal(0)
_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)


def plain(value: Decimal) -> str:
    """Exact digits without an exponent: `0.00000001`, never `1E-8`. Trailing zeros stay."""
    text = str(value)
    return format(value, "f") if "E" in text else text  # this way round costs half


def canonical(value: Decimal) -> Decimal:
    """The same value without trailing zeros: one form for equal values, never with an exponent above 0."""
    if not value:
        return Decimal(0)
    shortest = value.normalize(EXACT)
    exponent = shortest.as_tuple().exponent
    return (
        shortest.quantize(Decimal(1), context=EXACT)
        if isinstance(exponent, int) and exponent > 0
        else shortest
    )


def parse_plain(text: str) -> Decimal:
    """Digits with an optional sign and fraction, as exchanges write them. Raises ValueError for all else."""
    if len(text) > 64 or not _PLAIN.fullmatch(text):
        raise ValueError(f"not a plain decimal number: {text[:40]!r}")
    return Decimal(text)


def parse_step(text: str) -> Decimal:
    """A tick or lot size as exchanges write them. Raises ValueError where it is not above 0."""
    step = canonical(parse_plain(text))
    if step <= 0:
        raise ValueError(f"not a step: {text}")
    return step


def parse_minimum(text: str | None) -> Decimal:
    """A least quantity or notional as exchanges write them; None or nothing: there is none.

    Raises ValueError where it is below 0.
    """
    minimum = canonical(parse_plain(text or "0"))
    if minimum < 0:
        raise ValueError(f"not a minimum: {text}")
    return minimum


def parse_number(text: str) -> Decimal:
    """A decimal number of a request, with a sane exponent, at most 18 digits before and 18 after the point.

    Raises ValueError saying what is wrong.
    """
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        raise ValueError(f"not a decimal number: {text[:40]!r}")
    value = canonical(Decimal(text)) if abs(Decimal(text).adjusted()) <= 40 else Decimal("NaN")
    if not value.is_finite() or value.adjusted() >= MAX_INTEGER_DIGITS:
        raise ValueError(
            f"too large or too small: {text[:40]}; at most {MAX_INTEGER_DIGITS} digits before the point"
        )
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_DECIMAL_PLACES:
        raise ValueError(f"too many decimal places: {text[:40]}; at most {MAX_DECIMAL_PLACES}")
    return value


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum with every digit."""
    return reduce(add, values, _ZERO)
