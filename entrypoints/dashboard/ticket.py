"""The order form's fields, the body that they become, and the server's complaints sorted to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

RANDOMIZE = "randomize."
OTHER = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field to write into.

    name     as the API calls it; parts of `randomize` with a point
    initial  what it holds at first; empty: not sent, so the server's own default holds
    """

    name: str
    label: str
    initial: str = ""
    help: str = ""


AMOUNTS = (
    Field("total_quantity", "Total quantity (base)", "0.5", "A multiple of the coarsest lot size"),
    Field("limit_price", "Limit price (quote)", "", "No fill is worse than this"),
    Field("duration_seconds", "Duration, seconds", "60", "1 to 86400"),
    Field("slice_interval_seconds", "Seconds between slices", "1"),
)
OPTIONS = (
    Field("max_participation", "Largest share of visible liquidity", "", "Above 0, up to 1"),
    Field("catch_up", "Catch-up: a slice is at most so many times its plan", "", "1 to 100; 3 if left empty"),
    Field("latency_ms", "Latency, ms", "", "0 to 5000: books are looked at that long after a slice was due"),
    Field("start_at", "Start at", "", "ISO 8601, UTC where it names no zone; now if left empty"),
    Field("randomize.size", "Randomise sizes", "", "0 to 0.5, as a share of the plan"),
    Field("randomize.time", "Randomise times", "", "0 to 0.5, as a share of the interval"),
    Field("randomize.seed", "Seed", "", "The same seed gives the same schedule"),
    Field("client_order_id", "Your own id", "", "The same id and order again give the same order"),
)
INTEGERS = frozenset({"latency_ms", "randomize.seed"})
MOST_DIGITS = 18
CHOICES = ("symbol", "side", "exchanges", "fees")


def body(written: Mapping[str, Any]) -> dict[str, Any]:
    """The order as `TwapClient.submit` takes it; decimal numbers stay the text that was written.

    Required fields are sent even where they are empty: the server says what is missing.
    """
    required = {"symbol", "side", "exchanges", *(field.name for field in AMOUNTS[:3])}
    asked: dict[str, Any] = {}
    for name, value in written.items():
        given = value.strip() if isinstance(value, str) else value
        if name in required or given:
            given = _whole(given) if name in INTEGERS else given
            if name.startswith(RANDOMIZE):
                asked.setdefault("randomize", {})[name.removeprefix(RANDOMIZE)] = given
            else:
                asked[name] = given
    return asked


def complaints(detail: str, errors: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What is wrong by field of the form; under OTHER what belongs to none.

    detail  said where the server lists no fields
    errors  `{"field", "problem"}`
    """
    known = {*CHOICES, *(field.name for field in (*AMOUNTS, *OPTIONS))}
    found: dict[str, list[str]] = {}
    for error in errors:
        path, problem = error["field"], error["problem"]
        name = path if path in known else path.split(".")[0]
        if name in known:
            found.setdefault(name, []).append(problem)
        else:
            found.setdefault(OTHER, []).append(f"{path}: {problem}")
    if not found:
        found[OTHER] = [detail]
    return {name: "; ".join(problems) for name, problems in found.items()}


def _whole(written: str) -> int | str:
    """What is no integer stays as it is, for the server to refuse."""
    plain = written.isascii() and written.isdigit() and len(written) <= MOST_DIGITS
    return int(written) if plain else written
