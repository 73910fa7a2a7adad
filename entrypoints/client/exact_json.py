"""JSON without losing a digit, both ways."""

import json
from decimal import Decimal
from typing import Any

from twap.entrypoints.http import wire

Json = dict[str, Any]


def encode(value: Any) -> bytes:
    """Decimals become numbers with their exact digits; times ISO 8601; tuples and sets arrays."""
    return wire.encode(wire.plainly(value))


def decode(text: str | bytes) -> Any:
    """Every number becomes a Decimal. Raises ValueError for what is no JSON."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
