"""An order's totals while it advances."""

from datetime import datetime

from twap.domain import liquidity
from twap.ports.numbers import add, multiply
from twap.ports.order import Progress, Slice


class Running:
    """The progress of an order while it advances: names as in Progress, whose copies would cost more."""

    __slots__ = (
        "arrival_mid",
        "executed",
        "fees",
        "lots_count",
        "notional",
        "slices_done",
        "started_at",
        "status",
        "taken",
    )

    def __init__(self, progress: Progress) -> None:
        self.status = progress.status
        self.started_at = progress.started_at
        self.slices_done = progress.slices_done
        self.executed = progress.executed
        self.notional = progress.notional
        self.fees = progress.fees
        self.lots_count = progress.lots_count
        self.arrival_mid = progress.arrival_mid
        self.taken = progress.taken

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
