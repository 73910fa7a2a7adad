"""Pictures of an order over time, from slices that come in parts and are forgotten: plain points stay."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from twap.domain.report import Report
from twap.domain.schedule import Schedule
from twap.entrypoints.report.svg import Line, Points, line_chart
from twap.ports.order import Order, Slice


class Pictures:
    def __init__(self, order: Order) -> None:
        self._order, self._schedule = order, Schedule.of(order)
        self._seconds = order.ticket.duration.total_seconds()
        self._mids, self._fills = Points(), Points()
        self._planned, self._filled = Points([(0.0, 0.0)]), Points([(0.0, 0.0)])
        self._total = Decimal(0)

    def add(self, slices: Iterable[Slice]) -> None:
        """The next ones that are over, with executions, by number from 0 (arrival)."""
        lot = float(self._order.lot_size)
        for one in slices:
            looked = self._since(one.looked_at)
            self._seconds = max(self._seconds, looked)
            if one.mid is not None:
                self._mids.add(looked, float(one.mid))
            for fill in one.executions:
                self._fills.add(self._since(fill.timestamp), float(fill.price))
            if one.number:
                planned = self._schedule.planned_until(one.number) * lot
                self._planned.add(self._since(one.due_at), planned)
                self._total += one.filled
                self._filled.add(looked, float(self._total))

    def prices(self, report: Report) -> str:
        """Over the schedule, or as long as slices went on."""
        lines = [
            Line("mid price", "mid", sorted(self._mids)),
            Line("executions", "fill", self._fills, dots=True),
        ]
        for label, style, price in (
            ("average price", "average", report.average_price),
            ("TWAP of the mid", "bench", report.twap_benchmark),
        ):
            if price is not None:
                lines.append(Line(label, style, [(0, float(price)), (self._seconds, float(price))]))
        return line_chart("Price against mid and average", lines, self._seconds, "quote")

    def fills(self) -> str:
        """Empty text before the first slice is over."""
        lines = [
            Line("schedule", "plan", self._planned, steps=True),
            Line("filled", "fill", self._filled, steps=True),
        ]
        title = "Cumulative fill against schedule"
        return line_chart(title, lines, self._seconds, "base") if len(self._planned) > 1 else ""

    def _since(self, moment: datetime) -> float:
        return max((moment - self._order.starts_at).total_seconds(), 0.0)
