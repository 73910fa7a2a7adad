"""What a slice sees of one exchange's book: enough to compute its fills, and to explain them later.

The fills of a slice are computed from its looks alone, never from the books: so whoever has the stored looks
can compute them again.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, localcontext

from twap.domain.book import BookSide, key_of, price_of
from twap.ports.market import ZERO, BookState, Level
from twap.ports.numbers import EXACT
from twap.ports.order import LookLevel, VenueLook

Remembered = Mapping[Decimal, Decimal]
"""Price to the quantity that the order has taken there, of one exchange."""

LEAST_LEVELS = 10
MOST_LEVELS = 640


def look_at(
    exchange: str,
    far: BookSide,
    near: BookSide,
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
    """
    count = LEAST_LEVELS
    while True:
        ladder = far.best(count)
        used = _enough(ladder, limit, 2 * need, lot, remembered, buying=not far.descending)
        if used is not None or len(ladder) < count or count >= MOST_LEVELS:
            break
        count *= 2
    shown = ladder if used is None else ladder[:used]
    near_best = near.best(1)
    sequence, exchange_time, age_ms = stamp
    return VenueLook(
        exchange,
        BookState.LIVE,
        sequence,
        exchange_time,
        age_ms,
        near_best[0].price if near_best else None,
        _levels(shown, far, remembered),
        more=far.known_count() > len(shown),
        visible=_visible(far, limit) if measure_visible else ZERO,
        horizon=None if far.horizon is None else price_of(far.horizon),
    )


def _enough(
    ladder: list[Level],
    limit: Decimal,
    wanted: Decimal,
    lot: Decimal,
    remembered: Remembered,
    *,
    buying: bool,
) -> int | None:
    """How many levels are enough; None: more are needed."""
    available = ZERO
    with localcontext(EXACT):
        for number, (price, quantity) in enumerate(((x.price, x.quantity) for x in ladder), 1):
            if (price > limit) if buying else (price < limit):
                if number >= LEAST_LEVELS:
                    return number
                continue
            taken = remembered.get(price) if remembered else None
            free = quantity if taken is None else max(quantity - taken, ZERO)
            available += free - free % lot
            if available >= wanted and number >= LEAST_LEVELS:
                return number
    return None


def _levels(shown: list[Level], far: BookSide, remembered: Remembered) -> tuple[LookLevel, ...]:
    if not remembered:
        return tuple(LookLevel(level.price, level.quantity, ZERO) for level in shown)
    levels = [
        LookLevel(level.price, level.quantity, min(remembered.get(level.price, ZERO), level.quantity))
        for level in shown
    ]
    seen = {level.price for level in shown}
    for price in sorted(remembered.keys() - seen, reverse=far.descending):
        displayed = far.quantity_at(price)
        if displayed and not far.is_beyond_horizon(key_of(price)):
            levels.append(LookLevel(price, displayed, min(remembered[price], displayed)))
    return tuple(levels)


def _visible(far: BookSide, limit: Decimal) -> Decimal:
    """Base displayed within the limit, over all known levels."""
    total = ZERO
    with localcontext(EXACT):
        for level in far.best():
            if (level.price < limit) if far.descending else (level.price > limit):
                break
            total += level.quantity
    return total
