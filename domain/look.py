"""What a slice sees of one exchange's book: enough to compute its fills, and to explain them later.

The fills of a slice are computed from its looks alone, never from the books: so whoever has the stored looks
can compute them again.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from twap.domain.book import key_of
from twap.domain.ladder import Ladder
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import exact_sum
from twap.ports.order import LookLevel, VenueLook

Remembered = Mapping[Decimal, Decimal]
"""Price to the quantity that the order has taken there, of one exchange."""

LEAST_LEVELS = 10
MOST_LEVELS = 640


def look_at(
    exchange: str,
    far: Ladder,
    near_best: Decimal | None,
    *,
    limit: Decimal,
    need: Decimal,
    lot: Decimal,
    remembered: Remembered,
    measure_visible: bool,
    stamp: tuple[int, datetime | None, int],
) -> VenueLook:
    """Look at the side an order takes from (`far`), best first.

    Goes down until twice `need` is available within the limit, at least 10 levels and at most 640. Every
    remembered price that the book still shows is included, however deep: so the memory can be followed.

    near_best  best price of the other side
    stamp      of the book: sequence, exchange time, age in ms
    """
    wanted = 2 * int(need // lot)
    if remembered:  # at most so many of the displayed lots are gone
        wanted += int(exact_sum(remembered.values()) // lot) + len(remembered)
    used = far.reach(wanted, lot, MOST_LEVELS)
    if used > LEAST_LEVELS:
        used = min(used, far.within(limit, used) + 1)
    count = min(max(used, LEAST_LEVELS), far.count)
    levels = far.top(count)
    sequence, exchange_time, age_ms = stamp
    return VenueLook(
        exchange,
        BookState.LIVE,
        sequence,
        exchange_time,
        age_ms,
        near_best,
        _marked(levels, far, remembered) if remembered else levels,
        count < far.count,
        far.visible(limit) if measure_visible else ZERO,
        far.horizon,
    )


def _marked(levels: tuple[LookLevel, ...], far: Ladder, remembered: Remembered) -> tuple[LookLevel, ...]:
    """The levels with what was taken there, and the remembered ones that lie deeper."""
    marked, left = list(levels), dict(remembered)
    for number, level in enumerate(levels):
        taken = left.pop(level.price, None)
        if taken is not None:
            marked[number] = LookLevel(level.price, level.displayed, min(taken, level.displayed))
            if not left:
                return tuple(marked)
    for price in sorted(left, reverse=not far.buying):
        displayed = far.side.quantity_at(price)
        if displayed and not far.side.is_beyond_horizon(key_of(price)):
            marked.append(LookLevel(price, displayed, min(left[price], displayed)))
    return tuple(marked)
