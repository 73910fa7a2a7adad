"""An order's totals while it advances."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from twap.domain import liquidity
from twap.ports.numbers import add, multiply
from twap.ports.order import OrderStatus, Progress, Slice, Taken


@dataclass(slots=True)
class Running:
    """The progress of an order while it advances: names as in Progress, whose copies would cost more."""

    status: OrderStatus
    started_at: datetime | None
    slices_done: int
    executed: Decimal
    notional: Decimal
    fees: Decimal
    lots_count: int
    arrival_mid: Decimal | None
    taken: Taken

    @classmethod
    def of(cls, progress: Progress) -> "Running":
        return cls(
            progress.status,
            progress.started_at,
            progress.slices_done,
            progress.executed,
            progress.notional,
            progress.fees,
            progress.lots_count,
            progress.arrival_mid,
            progress.taken,
        )

    def count(self, one: Slice) -> None:
        """Totals after a slice: exact sums over its executions. `taken` knows its look already."""
        self.slices_done = one.number
        if not one.executions:
            return
        self.executed = add(self.executed, one.filled)
        for fill in one.executions:
            self.notional = add(self.notional, multiply(fill.price, fill.quantity))
            self.fees = add(self.fees, fill.fee)
        self.lots_count += len(one.executions)
        self.taken = liquidity.with_fills(self.taken, one.executions)

    def progress(self, revision: int, ended_at: datetime | None) -> Progress:
        return Progress(
            self.status,
            revision,
            self.started_at,
            ended_at,
            self.slices_done,
            self.executed,
            self.notional,
            self.fees,
            self.lots_count,
            self.arrival_mid,
            self.taken,
        )
