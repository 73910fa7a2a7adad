"""Values of a market: instruments, price levels, candles and the state of a book."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from string import ascii_lowercase, ascii_uppercase

from twap.ports.values import value

ZERO = Decimal(0)


@value(frozen=True, slots=True)
class Level:
    """One price of a side.

    price     quote per 1 base
    quantity  base, displayed at that price
    """

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """A pair that an exchange trades.

    exchange      as its plugin spells it
    symbol        canonical: base and quote joined, upper case
    native        the exchange's own id, as its API wants it
    tick_size     quote; prices are multiples of it
    lot_size      base; quantities are multiples of it
    min_quantity  base; 0: no such bound
    min_notional  quote; 0: no such bound
    """

    exchange: str
    symbol: str
    native: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Candle:
    """Open, high, low and close in quote, volume in base; `open_at` is aware UTC.

    closed  False: the interval is still running
    """

    open_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool = True


class BookState(StrEnum):
    """What may be said of a book.

    LIVE     true to the exchange up to its sequence, with a recent sign of life
    SYNCING  no snapshot yet, or a gap: being made true again
    STALE    nothing was heard for longer than the limit
    DOWN     the exchange can't be reached; the reason is kept beside it
    """

    LIVE = "live"
    SYNCING = "syncing"
    STALE = "stale"
    DOWN = "down"


_CANONICAL = str.maketrans(ascii_lowercase, ascii_uppercase, "-/_")


def canonical_symbol(text: str) -> str:
    """`BTC-USDT`, `BTC/USDT` and `btcusdt` are `BTCUSDT`. Letters that are not ASCII stay as they are: some
    have an upper case that another letter has, too."""
    return text.translate(_CANONICAL)
