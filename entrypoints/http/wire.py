"""How values look on the wire: JSON with exact numbers in plain digits, times in ISO 8601 UTC with `Z`.

msgspec encodes. It would write small decimals as `1E-8`, so decimals reach it as text to be copied.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from typing import Any

import msgspec

from twap.ports.market import Candle
from twap.ports.order import Execution, Order

_PERCENT = Decimal("0.0001")
_PRICE = Decimal("0.00000001")
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN)
_ZERO = msgspec.Raw(b"0")
_encoder = msgspec.json.Encoder()

encode = _encoder.encode
"""Bytes of a structure made by the functions below (dicts, lists, text, numbers of `number`)."""


def digits(value: Decimal) -> str:
    """Exact plain digits, without an exponent and without trailing zeros after the point."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def number(value: Decimal | None) -> msgspec.Raw | None:
    """A JSON number with the exact digits; null for None."""
    return None if value is None else msgspec.Raw(digits(value).encode())


def time_text(moment: datetime | None) -> str | None:
    """`2025-02-01T00:00:00Z`, with milliseconds or microseconds only where there are some."""
    if moment is None:
        return None
    text = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()[:-6]
    return (text[:-3] if len(text) > 23 and text.endswith("000") else text) + "Z"


def seconds(span: timedelta) -> msgspec.Raw:
    """A duration of whole milliseconds as exact seconds."""
    if span.microseconds:
        return msgspec.Raw(digits(Decimal(span // timedelta(milliseconds=1)).scaleb(-3)).encode())
    return msgspec.Raw(str(span.days * 86_400 + span.seconds).encode())


def order_object(order: Order) -> dict[str, Any]:
    """The order object of the contract, without its executions."""
    ticket, progress = order.ticket, order.progress
    return {
        "order_id": order.id,
        "client_order_id": ticket.client_order_id,
        "user_id": order.user_id,
        "symbol": ticket.symbol,
        "exchange": ", ".join(ticket.exchanges),
        "exchanges": ticket.exchanges,
        "side": ticket.side.value,
        "limit_price": number(ticket.limit_price),
        "quantity": number(ticket.quantity),
        "duration": seconds(ticket.duration),
        "slice_interval": seconds(ticket.interval),
        "status": progress.status.value,
        "outcome": order.outcome and order.outcome.value,
        "created_at": time_text(order.created_at),
        "starts_at": time_text(order.starts_at),
        "started_at": time_text(progress.started_at),
        "ended_at": time_text(progress.ended_at),
        "percent_exec": _percent(progress.executed, ticket.quantity),
        "avg_exec_price": _average(progress.notional, progress.executed),
        "lots_count": progress.lots_count,
        "total_exec": number(progress.executed),
        "fees": number(progress.fees),
        "slices_done": progress.slices_done,
        "slices_total": order.slices_total,
        "warnings": order.warnings,
        "note": progress.note,
    }


def _percent(executed: Decimal, quantity: Decimal) -> msgspec.Raw | None:
    if not executed:
        return _ZERO
    ratio = _ROUNDING.divide(executed * 100, quantity)
    return number(ratio.quantize(_PERCENT, context=_ROUNDING))


def _average(notional: Decimal, executed: Decimal) -> msgspec.Raw | None:
    if not executed:
        return _ZERO
    return number(_ROUNDING.divide(notional, executed).quantize(_PRICE, context=_ROUNDING))


def execution_object(execution: Execution) -> dict[str, Any]:
    """The execution object of the contract."""
    book = execution.book
    return {
        "id": execution.id,
        "order_id": execution.order_id,
        "slice": execution.slice,
        "symbol": execution.symbol,
        "side": execution.side.value,
        "quantity": number(execution.quantity),
        "price": number(execution.price),
        "fee": number(execution.fee),
        "exchange": execution.exchange,
        "timestamp": time_text(execution.timestamp),
        "book": {
            "sequence": book.sequence,
            "exchange_time": time_text(book.exchange_time),
            "age_ms": book.age_ms,
        },
    }


def candle_object(candle: Candle) -> dict[str, Any]:
    return {
        "Open": number(candle.open),
        "High": number(candle.high),
        "Low": number(candle.low),
        "Close": number(candle.close),
        "Volume": number(candle.volume),
    }


def plainly(value: Any) -> Any:
    """Any structure of mappings, sequences, decimals, times and enums, ready for `encode`."""
    match value:
        case Decimal():
            return number(value)
        case datetime():
            return time_text(value)
        case timedelta():
            return seconds(value)
        case Enum():
            return value.value
        case Mapping():
            return {str(plainly(key)): plainly(item) for key, item in value.items()}
        case str() | bytes():
            return value
        case Sequence() | set() | frozenset():
            return [plainly(item) for item in value]
    return value
