"""An explanation as plain text for a terminal."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = Sequence[str]

_LEVEL_COLUMNS = (
    ("#", "rank"),
    ("exchange", "exchange"),
    ("price", "price"),
    ("ranked at", "rank_price"),
    ("displayed", "displayed"),
    ("taken before", "taken"),
    ("available", "available"),
    ("filled", "filled"),
    ("", "outcome"),
)
_VENUE_COLUMNS = (
    ("exchange", "exchange"),
    ("book", "state"),
    ("sequence", "sequence"),
    ("exchange time", "exchange_time"),
    ("age ms", "age_ms"),
    ("other side", "near_best"),
    ("taker fee", "taker_fee"),
)


def as_text(explanation: dict[str, Any]) -> str:
    """A readable account of what `twap.domain.explain.explain` gives. Lines are not wrapped."""
    x = explanation
    what = f"{x['side']} {x['symbol']}, limit {_cell(x['limit_price'])}"
    lines = [
        f"Slice {x['slice']} of order {x['order_id']}: {what}",
        f"due {_cell(x['due_at'])}, looked at {_cell(x['looked_at'])}, mid {_cell(x['mid'])}",
        *_target_lines(x),
        f"filled {_cell(x['filled'])}" + (f": {x['reason_text']} ({x['reason']})" if x["reason"] else ""),
    ]
    if x["venues"]:
        lines += ["", *_table(_VENUE_COLUMNS, x["venues"])]
    else:
        lines += ["", "No look was taken."]
    if x["levels"]:
        lines += [
            "",
            f"Levels as they were considered, by {x['ranking']}:",
            *_table(_LEVEL_COLUMNS, x["levels"]),
        ]
    return "\n".join(lines) + "\n"


def _target_lines(x: dict[str, Any]) -> list[str]:
    target, share = x["target"], x["participation"]
    if target is None:
        return ["The look at arrival: it fills nothing."]
    lines = [
        f"target {_cell(target['target'])} = planned {_cell(target['planned'])}"
        f" + carried {_cell(target['carried'])}, at most {_cell(target['most'])}"
        f" ({_cell(target['catch_up'])} x planned)" + (": bounded" if target["bounded_by_catch_up"] else "")
    ]
    if target["behind"] is not None:
        lines.append(f"behind plan by {_cell(target['behind'])}, spread over {target['slices_left']} slices")
    if share is not None:
        lines.append(
            f"may take {_cell(share['allowed'])}: {_cell(share['max_participation'])} of"
            f" {_cell(share['visible'])} displayed within the limit"
        )
    return lines


def _table(columns: Sequence[tuple[str, str]], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Numbers to the right, words to the left."""
    cells = [[_cell(row[key]) for _, key in columns] for row in rows]
    head = [title for title, _ in columns]
    widths = [max(len(line[at]) for line in [head, *cells]) for at in range(len(columns))]
    right = [isinstance(rows[0][key], int | Decimal) for _, key in columns]
    return [_line(line, widths, right) for line in [head, *cells]]


def _line(cells: Row, widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
