"""What a backtest is asked: an order as `POST /orders/twap` takes it, and variants of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from twap.entrypoints.backtest.backtest import Variant
from twap.entrypoints.http.exact_json import Number, decode_object
from twap.entrypoints.http.requests import OrderRequest, validated
from twap.ports.errors import TwapError
from twap.ports.order import Ticket

BASE = "as asked"
DEFAULT = "default"
SHORT = {
    "interval": "slice_interval_seconds",
    "duration": "duration_seconds",
    "quantity": "total_quantity",
    "limit": "limit_price",
    "participation": "max_participation",
    "latency": "latency_ms",
    "size": "randomize.size",
    "time": "randomize.time",
    "seed": "randomize.seed",
}
_WHOLE = frozenset({"latency_ms", "randomize.seed"})
_COARSER = (5, 10)
Fields = Mapping[str, Any]


def read_order(body: bytes) -> Fields:
    """The fields of the JSON object, numbers exact. Raises MalformedBody, InvalidRequest."""
    fields = decode_object(body)
    _ticket(fields)
    return fields


def variants(fields: Fields, asked: Sequence[str]) -> list[Variant]:
    """The order itself, then its variants, each as `interval=5` or `randomize.size=0.3,randomize.seed=7`;
    lists of exchanges with + between; `default` stands for a set of usual ones.

    Raises InvalidRequest for what an order may not say, and TwapError for what is no variant.
    """
    found = [Variant(BASE, _ticket(fields))]
    texts: list[str] = []
    for text in asked:
        texts += usual(found[0].ticket) if text == DEFAULT else [text]
    for text in dict.fromkeys(texts):
        try:
            found.append(Variant(text, _ticket(_changed(fields, text))))
        except TwapError as error:
            raise TwapError(f"variant {text!r}: {error}") from error
    return found


def usual(ticket: Ticket) -> list[str]:
    """Coarser slices, random ones, less of the book, no catching up, ranking by fees, each exchange alone."""
    seconds = ticket.interval / timedelta(seconds=1)
    found = [f"interval={seconds * n:g}" for n in _COARSER if ticket.interval * n <= ticket.duration]
    found += ["randomize.size=0.3,randomize.time=0.3,randomize.seed=7", "participation=0.1", "catch_up=1"]
    if len(ticket.exchanges) > 1:
        found.append("fees=ignore" if ticket.fees == "include" else "fees=include")
        found += [f"exchanges={name}" for name in ticket.exchanges]
    return found


def _ticket(fields: Fields) -> Ticket:
    """A randomised order without a seed gets the same one every time."""
    return validated(OrderRequest, fields).ticket(lambda: 0.0)


def _changed(fields: Fields, text: str) -> Fields:
    changed: dict[str, Any] = dict(fields)
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = SHORT.get(name.strip(), name.strip())
        if not equals or not value.strip():
            raise TwapError(f"{part.strip()!r} is no FIELD=VALUE")
        _set(changed, name, value.strip())
    return changed


def _set(fields: dict[str, Any], name: str, text: str) -> None:
    """Fields check their values themselves; only what is a list or an integer must look like one."""
    value: object = text
    if name == "exchanges":
        value = [each.strip() for each in text.split("+")]
    elif name in _WHOLE:
        value = Number(text)
    holder, _, inner = name.partition(".")
    if inner:
        given = fields.get(holder)
        fields[holder] = {**(given if isinstance(given, dict) else {}), inner: value}
    else:
        fields[name] = value
