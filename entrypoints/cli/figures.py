"""Tables of numbers that no terminal breaks: a number in two pieces reads as another one."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult

from twap.entrypoints.cli.output import shown, table

_BETWEEN = 3
_WORDS = 12
"""Columns; so narrow may the first one get, whose words are wrapped."""


class Figures:
    """A row for each where they fit side by side; else below each other, a line for each number.

    columns  the first one holds names, all others numbers
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self._columns = columns
        self._rows = [[shown(value) for value in row] for row in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        name, *columns = self._columns
        numbers = list(zip(*(row[1:] for row in self._rows), strict=True)) or [()] * len(columns)
        heads = [_broken(head, cells) for head, cells in zip(columns, numbers, strict=True)]
        widths = [_widest((*head.split("\n"), *cells)) for head, cells in zip(heads, numbers, strict=True)]
        first = min(_widest((name, *(row[0] for row in self._rows))), _WORDS)
        if first + sum(widths) + _BETWEEN * len(self._columns) <= options.max_width:
            yield table((name, *heads), self._rows, right=heads, whole=heads)
            return
        for row in self._rows:
            yield table((name, row[0]), zip(columns, row[1:], strict=True))


def _broken(head: str, cells: Sequence[str]) -> str:
    """Its words below each other, where the numbers are narrower."""
    return head if cell_len(head) <= _widest(cells) else head.replace(" ", "\n")


def _widest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)
