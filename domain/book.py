"""One order book: cheap to write, sorted only when it is read.

Prices are integers of 10^-18 quote inside, quantities stay the exchange's own text until somebody reads
them. Most updates of a live book are never read, so parsing and sorting them would be wasted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

from twap.ports.events import WireLevels
from twap.ports.market import ZERO, Level
from twap.ports.numbers import EXACT

PRICE_DECIMALS = 18
MAX_TEXT = 40
_POWERS: tuple[int, ...] = tuple(10**places for places in range(PRICE_DECIMALS + 1))
_REMEMBERED = 100_000
_FEW_CHANGES = 64
_KNOWN_LEVELS = 64
ZEROS = frozenset(["0", *("0." + "0" * places for places in range(1, PRICE_DECIMALS + 1))])
"""How quantities of levels that are gone are nearly always written."""


class BadLevel(ValueError):
    """A level's text is no plain number."""


class PriceTexts(dict[str, int]):
    """Price text to integer of 10^-18. Remembers what it has read (bounded): prices repeat all the time."""

    __slots__ = ()

    def __missing__(self, text: str) -> int:
        """Raises BadLevel."""
        whole, _, decimals = text.partition(".")
        digits, places = whole + decimals, len(decimals)
        if not (digits.isdigit() and digits.isascii()) or len(digits) > MAX_TEXT:
            raise BadLevel(f"price {text[:MAX_TEXT]!r} is no plain number")
        if places > PRICE_DECIMALS:
            raise BadLevel(f"price {text!r} has more than {PRICE_DECIMALS} decimal places")
        key: int = int(digits) * _POWERS[PRICE_DECIMALS - places]
        if not key:
            raise BadLevel("a price of zero")
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = key
        return key


def price_of(key: int) -> Decimal:
    return EXACT.normalize(EXACT.scaleb(key, -PRICE_DECIMALS))


def key_of(price: Decimal) -> int:
    """Of a price with at most 18 decimal places."""
    return int(EXACT.scaleb(price, PRICE_DECIMALS))


class BookSide:
    """Bids or asks.

    quantities  price key to the exchange's text
    horizon     the worst price key up to which the side is known; None: all of it is
    """

    __slots__ = (
        "_changed",
        "_known",
        "_ladder",
        "_sorted",
        "descending",
        "horizon",
        "quantities",
    )

    def __init__(self, *, descending: bool) -> None:
        self.descending = descending
        self.quantities: dict[int, str] = {}
        self.horizon: int | None = None
        self._sorted: list[int] | None = None
        self._changed: list[int] = []
        self._ladder: list[Level] = []
        self._known: dict[int, tuple[str, Level]] = {}

    def apply(self, levels: WireLevels, prices: PriceTexts) -> None:
        """Raises BadLevel (TypeError, IndexError or AttributeError for what is no pair of texts): the side is
        then half-changed and must be thrown away."""
        quantities, changed, is_sorted = self.quantities, self._changed, self._sorted is not None
        for level in levels:
            price, quantity = prices[level[0]], level[1]
            if quantity not in ZEROS:
                if (
                    not (quantity.replace(".", "", 1).isdigit() and quantity.isascii())
                    or len(quantity) > MAX_TEXT
                ):
                    raise BadLevel(f"quantity {quantity[:MAX_TEXT]!r} is no plain number")
                if quantity[0] != "0" or quantity.strip("0."):
                    if is_sorted and price not in quantities:
                        changed.append(price)
                    quantities[price] = quantity
                    continue
            if quantities.pop(price, None) is not None and is_sorted:
                changed.append(price)
        if is_sorted:  # else nobody has read since, and there is no ladder either
            if len(changed) > _FEW_CHANGES:
                self._sorted = None
                changed.clear()
            if self._ladder:
                self._ladder = []

    def _in_order(self) -> list[int]:
        """All price keys, ascending."""
        ordered = self._sorted
        if ordered is None:
            ordered = self._sorted = sorted(self.quantities)
        elif self._changed:
            for price in self._changed:
                at = bisect_left(ordered, price)
                is_listed = at < len(ordered) and ordered[at] == price
                if (price in self.quantities) != is_listed:
                    if is_listed:
                        del ordered[at]
                    else:
                        ordered.insert(at, price)
            self._changed.clear()
        return ordered

    def best_key(self) -> int | None:
        ordered = self._in_order()
        if not ordered:
            return None
        best = ordered[-1] if self.descending else ordered[0]
        return None if self.is_beyond_horizon(best) else best

    def is_beyond_horizon(self, key: int) -> bool:
        if self.horizon is None:
            return False
        return key < self.horizon if self.descending else key > self.horizon

    def known_count(self) -> int:
        """Levels up to the horizon."""
        ordered = self._in_order()
        if self.horizon is None:
            return len(ordered)
        if self.descending:
            return len(ordered) - bisect_left(ordered, self.horizon)
        return bisect_right(ordered, self.horizon)

    def best(self, count: int | None = None) -> list[Level]:
        """The best `count` known levels (None: all), best first."""
        known = self.known_count()
        wanted = known if count is None else min(count, known)
        ladder = self._ladder
        if len(ladder) < wanted:
            ordered = self._in_order()
            have = len(ladder)
            if self.descending:
                keys: Iterable[int] = reversed(ordered[len(ordered) - wanted : len(ordered) - have])
            else:
                keys = ordered[have:wanted]
            ladder.extend([self._level(key) for key in keys])
        return ladder[:wanted]

    def _level(self, key: int) -> Level:
        """Most of the best levels are the same at every reading, so the last ones read are kept."""
        text = self.quantities[key]
        known = self._known.get(key)
        if known is not None and known[0] == text:
            return known[1]
        level = Level(price_of(key), EXACT.normalize(Decimal(text)))
        if len(self._known) >= _KNOWN_LEVELS:
            self._known.clear()
        self._known[key] = text, level
        return level

    def quantity_at(self, price: Decimal) -> Decimal:
        """Displayed there; 0 where there is no such level."""
        text = self.quantities.get(key_of(price))
        return ZERO if text is None else EXACT.normalize(Decimal(text))

    def cut(self, depth: int) -> None:
        """Forget all but the best `depth` levels."""
        ordered = self._in_order()
        surplus = slice(None, -depth) if self.descending else slice(depth, None)
        for price in ordered[surplus]:
            del self.quantities[price]
        del ordered[surplus]
        self._ladder = []


class OrderBook:
    """Bids and asks with the exchange's sequence number.

    version  grows with every change: the key of whatever is computed from this book
    """

    __slots__ = ("_prices", "asks", "bids", "sequence", "version")

    def __init__(
        self, prices: PriceTexts, bids: BookSide | None = None, asks: BookSide | None = None
    ) -> None:
        self._prices = prices
        self.bids = bids or BookSide(descending=True)
        self.asks = asks or BookSide(descending=False)
        self.sequence = 0
        self.version = 0

    def apply(self, bids: WireLevels, asks: WireLevels, sequence: int) -> None:
        """Set absolute quantities; zero removes. Removing what is not there is normal. Raises as sides do."""
        if bids:
            self.bids.apply(bids, self._prices)
        if asks:
            self.asks.apply(asks, self._prices)
        self.sequence = sequence
        self.version += 1

    def set_horizon(self, seed_depth: int) -> None:
        """A side seeded with that many levels or more may have others beyond its worst: unknown."""
        for side in (self.bids, self.asks):
            if len(side.quantities) >= seed_depth:
                side.horizon = min(side.quantities) if side.descending else max(side.quantities)

    def cut(self, depth: int) -> None:
        if len(self.bids.quantities) > depth:
            self.bids.cut(depth)
        if len(self.asks.quantities) > depth:
            self.asks.cut(depth)

    @property
    def crossed(self) -> bool:
        bid, ask = self.bids.best_key(), self.asks.best_key()
        return bid is not None and ask is not None and bid >= ask
