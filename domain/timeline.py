"""What held over an order's life, from the samples that its slices stored: mid prices, states of books.

A sample holds from its look until the next one, the last until the order's end. So a gap without looks (all
books away, the program down) counts with what was known before it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from twap.domain.costs import PRICE_PLACES, RATIO_PLACES, quotient
from twap.domain.schedule import Schedule
from twap.ports.market import BookState
from twap.ports.numbers import exact_sum, multiply
from twap.ports.order import Order, Slice

_MICROSECOND = timedelta(microseconds=1)


def by_time(slices: Sequence[Slice]) -> list[Slice]:
    """As they looked. The arrival look (0) may come after slices that met no fresh book."""
    return sorted(slices, key=lambda one: (one.looked_at, one.number))


def final_mid(slices: Sequence[Slice]) -> Decimal | None:
    """The last one seen."""
    return next((one.mid for one in reversed(by_time(slices)) if one.mid is not None), None)


class Timeline:
    """Keeps of each slice that looked its moment, its mid and which exchanges were live; no levels."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._mids: list[tuple[datetime, int, Decimal]] = []
        self._looks: list[tuple[datetime, int, tuple[str, ...]]] = []
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, one: Slice) -> None:
        if one.mid is not None:
            self._mids.append((one.looked_at, one.number, one.mid))
        if one.venues:
            live = tuple([look.exchange for look in one.venues if look.state is BookState.LIVE])
            self._looks.append((one.looked_at, one.number, self._known.setdefault(live, live)))

    def final_mid(self) -> Decimal | None:
        """The last one seen."""
        return max(self._mids)[2] if self._mids else None

    def time_weighted_mid(self) -> Decimal | None:
        """The TWAP benchmark: sum of (mid x time held) / sum of times, from the first mid to the end; 8
        places.

        As in Kissell, "The Science of Algorithmic Trading and Portfolio Management" (2013), with time held
        as the weight, since samples need not be evenly spaced. None without any mid.
        """
        if not self._mids:
            return None
        samples = sorted(self._mids)
        weights = held(self._order, [at for at, _, _ in samples])
        weighted = exact_sum(
            multiply(mid, Decimal(w)) for (_, _, mid), w in zip(samples, weights, strict=True)
        )
        return quotient(weighted, sum(weights), PRICE_PLACES)

    def live_ratios(self) -> dict[str, Decimal | None]:
        """Each exchange's share of the time, from the first look to the end, with a live book; 6 places.

        None where no look was taken.
        """
        if not self._looks:
            return dict.fromkeys(self._order.ticket.exchanges)
        looks = sorted(self._looks)
        weights = held(self._order, [at for at, _, _ in looks])
        live = dict.fromkeys(self._order.ticket.exchanges, 0)
        for (_, _, exchanges), weight in zip(looks, weights, strict=True):
            for exchange in exchanges:
                live[exchange] = live.get(exchange, 0) + weight
        total = sum(weights)
        return {exchange: quotient(Decimal(time), total, RATIO_PLACES) for exchange, time in live.items()}


def held(order: Order, moments: Sequence[datetime]) -> list[int]:
    """Microseconds that a sample of each moment holds. Where no time passes at all, they count alike.

    moments  ascending
    """
    end = _end(order, moments[-1])
    spans = [
        max((min(following, end) - at) // _MICROSECOND, 0) for at, following in pairwise([*moments, end])
    ]
    return spans if any(spans) else [1] * len(moments)


def _end(order: Order, last_look: datetime) -> datetime:
    """An order that was completed long after its time (the program was down) ended with its schedule."""
    planned = Schedule.of(order).ends_at + order.ticket.latency
    return min(order.progress.ended_at or last_look, max(planned, last_look))
