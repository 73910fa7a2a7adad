"""One order book: cheap to write, sorted only when it is read.

Prices are integers of 10^-18 quote inside, quantities stay the exchange's own text until somebody reads
them. Most updates of a live book are never read, so parsing and sorting them would be wasted.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal

from twap.ports.events import WireLevels
from twap.ports.market import ZERO, Level
from twap.ports.numbers import EXACT

PRICE_DECIMALS = 18
_MAX_TEXT = 40
_REMEMBERED = 100_000
_FEW_CHANGES = 64


class BadLevel(ValueError):
    """A level's text is no plain number, or negative."""


class LevelTexts:
    """Reads price and quantity texts, and remembers what it has read (bounded): texts repeat all the time.

    prices      text to integer of 10^-18; sizes: text to whether it is above zero
    """

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.prices: dict[str, int] = {}
        self.sizes: dict[str, bool] = {}

    def price(self, text: str) -> int:
        """Raises BadLevel."""
        value = _scaled(text)
        if value == 0:
            raise BadLevel(f"price {text!r} is not above zero")
        if len(self.prices) >= _REMEMBERED:
            self.prices.clear()
        self.prices[text] = value
        return value

    def above_zero(self, text: str) -> bool:
        """Raises BadLevel."""
        value = _scaled(text) > 0
        if len(self.sizes) >= _REMEMBERED:
            self.sizes.clear()
        self.sizes[text] = value
        return value


def _scaled(text: str) -> int:
    if type(text) is not str or len(text) > _MAX_TEXT:
        raise BadLevel(f"not a plain decimal number: {str(text)[:_MAX_TEXT]!r}")
    whole, point, places = text.partition(".")
    digits = whole + places
    if not (digits.isascii() and digits.isdigit() and whole and (places or not point)):
        raise BadLevel(f"not a plain decimal number: {text!r}")
    if len(places) > PRICE_DECIMALS:
        raise BadLevel(f"more than {PRICE_DECIMALS} decimal places: {text!r}")
    scale: int = 10 ** (PRICE_DECIMALS - len(places))
    return int(digits) * scale


def price_of(key: int) -> Decimal:
    return EXACT.normalize(EXACT.scaleb(key, -PRICE_DECIMALS))


def key_of(price: Decimal) -> int:
    """Of a price with at most 18 decimal places."""
    return int(EXACT.scaleb(price, PRICE_DECIMALS))


class BookSide:
    """Bids or asks.

    quantities  price key to the exchange's text; texts: price key to text, kept only for checksums
    horizon     the worst price key up to which the side is known; None: all of it is
    """

    __slots__ = ("_changed", "_ladder", "_sorted", "descending", "horizon", "quantities", "texts")

    def __init__(self, *, descending: bool, keep_texts: bool) -> None:
        self.descending = descending
        self.quantities: dict[int, str] = {}
        self.texts: dict[int, str] | None = {} if keep_texts else None
        self.horizon: int | None = None
        self._sorted: list[int] | None = None
        self._changed: list[int] = []
        self._ladder: list[Level] = []

    def apply(self, levels: WireLevels, known: LevelTexts) -> None:
        """Raises BadLevel; the side is then half-changed and must be thrown away."""
        quantities, prices, sizes = self.quantities, known.prices, known.sizes
        changed = self._changed
        for level in levels:
            text, quantity = level[0], level[1]
            price = prices.get(text) or known.price(text)
            above_zero = sizes.get(quantity)
            if above_zero is None:
                above_zero = known.above_zero(quantity)
            if above_zero:
                if price not in quantities:
                    changed.append(price)
                    if self.texts is not None:
                        self.texts[price] = text
                quantities[price] = quantity
            elif quantities.pop(price, None) is not None:
                changed.append(price)
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
        else:
            for price in self._changed:
                at = bisect_left(ordered, price)
                is_listed = at < len(ordered) and ordered[at] == price
                if (price in self.quantities) != is_listed:
                    if is_listed:
                        del ordered[at]
                    else:
                        insort(ordered, price)
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
            ladder.extend(
                Level(price_of(key), EXACT.normalize(Decimal(self.quantities[key]))) for key in keys
            )
        return ladder[:wanted]

    def quantity_at(self, price: Decimal) -> Decimal:
        """Displayed there; 0 where there is no such level."""
        text = self.quantities.get(key_of(price))
        return ZERO if text is None else EXACT.normalize(Decimal(text))

    def cut(self, depth: int) -> None:
        """Forget all but the best `depth` levels."""
        if len(self.quantities) <= depth:
            return
        ordered = self._in_order()
        surplus = ordered[:-depth] if self.descending else ordered[depth:]
        for price in surplus:
            del self.quantities[price]
        self._sorted = ordered[-depth:] if self.descending else ordered[:depth]
        self._ladder = []

    def wire_best(self, count: int) -> list[tuple[str, str]]:
        """Best levels as the exchange wrote them. Only where texts are kept."""
        texts = self.texts or {}
        ordered = self._in_order()
        keys = reversed(ordered[-count:]) if self.descending else ordered[:count]
        found = [(texts[key], self.quantities[key]) for key in keys]
        if len(texts) > 4 * len(self.quantities) + 1000:
            self.texts = {key: texts[key] for key in self.quantities}
        return found


class OrderBook:
    """Bids and asks with the exchange's sequence number.

    version  grows with every change: the key of whatever is computed from this book
    """

    __slots__ = ("_known", "asks", "bids", "sequence", "version")

    def __init__(self, known: LevelTexts, *, keep_texts: bool = False) -> None:
        self._known = known
        self.bids = BookSide(descending=True, keep_texts=keep_texts)
        self.asks = BookSide(descending=False, keep_texts=keep_texts)
        self.sequence = 0
        self.version = 0

    def apply(self, bids: WireLevels, asks: WireLevels, sequence: int) -> None:
        """Set absolute quantities; zero removes. Removing what is not there is normal. Raises BadLevel."""
        if bids:
            self.bids.apply(bids, self._known)
        if asks:
            self.asks.apply(asks, self._known)
        self.sequence = sequence
        self.version += 1

    def set_horizon(self, seed_depth: int) -> None:
        """A side seeded with that many levels or more may have others beyond its worst: unknown."""
        for side in (self.bids, self.asks):
            if len(side.quantities) >= seed_depth:
                side.horizon = min(side.quantities) if side.descending else max(side.quantities)

    def cut(self, depth: int) -> None:
        self.bids.cut(depth)
        self.asks.cut(depth)

    @property
    def crossed(self) -> bool:
        bid, ask = self.bids.best_key(), self.asks.best_key()
        return bid is not None and ask is not None and bid >= ask
