"""Line and bar pictures as inline SVG text: no script, colours by class, so that the page's style decides."""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import overload

WIDTH, HEIGHT = 860, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 14, 26, 34
MOST_HEIGHTS = 8
MOST_POINTS = 1_000

Point = tuple[float, float]
"""Seconds since the start, and a value. For drawing alone: money is never computed from these."""


class Points(Sequence[Point]):
    """Points at 16 bytes each."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self._seconds, self._values = array("d"), array("d")
        for seconds, value in points:
            self.add(seconds, value)

    def add(self, seconds: float, value: float) -> None:
        self._seconds.append(seconds)
        self._values.append(value)

    def __len__(self) -> int:
        return len(self._seconds)

    @overload
    def __getitem__(self, at: int) -> Point: ...

    @overload
    def __getitem__(self, at: slice) -> list[Point]: ...

    def __getitem__(self, at: int | slice) -> Point | list[Point]:
        if isinstance(at, slice):
            return list(zip(self._seconds[at], self._values[at], strict=True))
        return self._seconds[at], self._values[at]


@dataclass(frozen=True, slots=True)
class Line:
    """style: a class of the page; steps: the value holds until the next point; dots: no line between."""

    label: str
    style: str
    points: Sequence[Point]
    steps: bool = False
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """share: 0 to 1 of the full width; text: the exact figure beside it."""

    label: str
    share: float
    text: str


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most about `most` points: of each run of neighbours the lowest and the highest, so peaks stay."""
    if len(points) <= most:
        return list(points)
    size = -(-2 * len(points) // most)
    kept: list[Point] = []
    for start in range(0, len(points), size):
        run = points[start : start + size]
        kept += sorted({min(run, key=lambda p: p[1]), max(run, key=lambda p: p[1])})
    return kept


def line_chart(title: str, lines: Sequence[Line], seconds: float, unit: str) -> str:
    """Lines over time; heights are labelled at round values. Empty text where no line has a point."""
    drawn = [Line(x.label, x.style, thinned(x.points), x.steps, x.dots) for x in lines if x.points]
    if not drawn:
        return ""
    values = [value for line in drawn for _, value in line.points]
    low, high = min(values), max(values)
    margin = (high - low) * 0.06 or abs(high) * 0.001 or 1.0
    scale = _Scale(max(seconds, 0.001), low - margin if low else low, high + margin)
    body = [_grid(scale, unit), *(_drawn(line, scale) for line in drawn)]
    return _figure(title, drawn, _svg(title, HEIGHT, "".join(body)))


def bar_chart(title: str, bars: Sequence[Bar]) -> str:
    rows = []
    full = WIDTH - _LEFT - 330
    for at, bar in enumerate(bars):
        y = 10 + at * 34
        width = max(min(bar.share, 1.0), 0.0) * full
        rows.append(
            f'<text class="axis" x="{_LEFT + 16}" y="{y + 16}" text-anchor="end">{escape(bar.label)}</text>'
            f'<rect class="bar" x="{_LEFT + 26}" y="{y}" width="{width:.1f}" height="22" rx="3"/>'
            f'<text x="{_LEFT + 34 + width:.1f}" y="{y + 16}">{escape(bar.text)}</text>'
        )
    return _figure(title, (), _svg(title, 8 + 34 * len(bars), "".join(rows)))


@dataclass(frozen=True, slots=True)
class _Scale:
    seconds: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        return _LEFT + seconds / self.seconds * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM)


def _grid(scale: _Scale, unit: str) -> str:
    parts = []
    for height in heights(scale.low, scale.high):
        y = scale.y(float(height))
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{height:,f}</text>'
        )
    for share, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end")):
        seconds = share * scale.seconds
        parts.append(
            f'<text class="axis" x="{scale.x(seconds):.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">'
            f"{_span(seconds)}</text>"
        )
    parts.append(f'<text class="axis" x="{_LEFT - 8}" y="14" text-anchor="end">{escape(unit)}</text>')
    return "".join(parts)


def heights(low: float, high: float) -> list[Decimal]:
    """Round values from low to high, by steps of 1, 2 or 5 times a power of ten: at least two, at most
    MOST_HEIGHTS. As they are written, so labels never hide the difference between two of them."""
    least = (high - low) / (MOST_HEIGHTS - 1)
    power = math.floor(math.log10(least))
    digit = next((each for each in (1, 2, 5) if each * 10.0**power >= least), None)
    step = Decimal(1).scaleb(power + 1) if digit is None else Decimal(digit).scaleb(power)
    first, last = math.ceil(Decimal(low) / step), math.floor(Decimal(high) / step)
    return [number * step if number else Decimal(0) for number in range(first, last + 1)]


def _drawn(line: Line, scale: _Scale) -> str:
    spots = [(scale.x(seconds), scale.y(value)) for seconds, value in line.points]
    if line.dots:
        return "".join(f'<circle class="{line.style}" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y in spots)
    path = f"M{spots[0][0]:.1f} {spots[0][1]:.1f}"
    for x, y in spots[1:]:
        path += f"H{x:.1f}V{y:.1f}" if line.steps else f"L{x:.1f} {y:.1f}"
    if line.steps:
        path += f"H{scale.x(scale.seconds):.1f}"
    return f'<path class="{line.style}" d="{path}"/>'


def _figure(title: str, lines: Sequence[Line], picture: str) -> str:
    legend = "".join(
        f'<span class="key {line.style}{" dots" if line.dots else ""}">{escape(line.label)}</span>'
        for line in lines
    )
    caption = f"<figcaption><h2>{escape(title)}</h2>{legend}</figcaption>"
    return f'<figure>{caption}<div class="scroll">{picture}</div></figure>'


def _svg(title: str, height: int, body: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{body}</svg>'


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{_trimmed(seconds)} s"
    return f"{_trimmed(seconds / 60)} min" if seconds < 7200 else f"{_trimmed(seconds / 3600)} h"


def _trimmed(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
