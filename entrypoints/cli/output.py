"""What commands print: tables for people, JSON with exact digits for programs."""

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from twap.entrypoints.cli.screen import Screen

PIPED_WIDTH = 200

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, numbers with their exact digits.")]


def console() -> "Screen":
    """Standard output; wide where it is no terminal, so that no value is cut."""
    from twap.entrypoints.cli.screen import Screen

    return Screen(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, soft_wrap=False)


def notes() -> "Console":
    """Standard error: progress, and what is not the answer itself."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(value: Any, *, one_line: bool = False) -> None:
    import msgspec

    from twap.entrypoints.client.exact_json import encode

    text = encode(value)
    typer.echo(text if one_line else msgspec.json.format(text, indent=2))


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> "Table":
    """right: names of columns that are aligned to the right; whole: of those that are never broken, as they
    are to be copied."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        side: Literal["right", "left"] = "right" if column in right else "left"
        made.add_column(column, justify=side, overflow="fold", no_wrap=column in whole)
    for row in rows:
        made.add_row(*(shown(value) for value in row))
    return made


def shown(value: Any) -> str:
    """A value of a cell: exact digits, `-` for nothing; brackets are no markup."""
    from rich.markup import escape

    from twap.entrypoints.http.wire import digits

    match value:
        case None:
            return "-"
        case Decimal():
            return digits(value)
        case list() | tuple():
            return escape(", ".join(map(str, value)))
    return escape(str(value))
