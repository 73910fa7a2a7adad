"""Which exchanges the demo trades on: those whose books are live within some seconds."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from twap.ports.errors import TwapError

if TYPE_CHECKING:
    from twap.entrypoints.client import TwapClient

SYMBOLS = ("BTCUSDT", "BTCUSD", "BTCUSDC", "ETHUSDT", "BTCEUR")
LISTING_SECONDS = 5.0
BOOK_SECONDS = 8.0
SETTLED_SECONDS = 3.0
"""Once a book is live, the others get so much longer."""
SPEND = Decimal(30_000)
_LIMIT_ABOVE_BEST = Decimal("1.002")


class NoMarket(TwapError):
    """left_out: reasons by exchange."""

    def __init__(self, left_out: Mapping[str, str]) -> None:
        super().__init__("no exchange could be reached")
        self.left_out = left_out


@dataclass(frozen=True, slots=True)
class Choice:
    """What the demo buys, and where. left_out: reasons by exchange."""

    symbol: str
    exchanges: tuple[str, ...]
    best_ask: Decimal
    left_out: Mapping[str, str]

    @property
    def quantity(self) -> Decimal:
        """Base for about 30,000 in quote, of one digit: a multiple of every lot size."""
        return _digits(SPEND / self.best_ask, 1, ROUND_HALF_EVEN)

    @property
    def limit_price(self) -> Decimal:
        """0.2 % above the best ask, of five digits: a multiple of every tick size."""
        return _digits(self.best_ask * _LIMIT_ABOVE_BEST, 5, ROUND_UP)


async def choose(twap: "TwapClient", exchanges: Sequence[str]) -> Choice:
    """Raises NoMarket where no book of any of these exchanges can be had."""
    left_out: dict[str, str] = {}
    listed = await _listings(twap, exchanges, left_out)
    symbol = max(SYMBOLS, key=lambda each: sum(each in symbols for symbols in listed.values()))
    names = []
    for name in sorted(listed):
        if symbol in listed[name]:
            names.append(name)
        else:
            left_out[name] = f"does not list {symbol}"
    update = await _live_book(twap, symbol, names) if names else None
    sources = {} if update is None else update["sources"]
    live = tuple(name for name in names if name in sources and sources[name]["state"] == "live")
    left_out.update({name: "its book did not come in time" for name in names if name not in live})
    if update is None:
        raise NoMarket(left_out)
    best_ask = Decimal(next(iter(update["order_book"]["asks"])))
    return Choice(symbol, live, best_ask, left_out)


async def _listings(
    twap: "TwapClient", exchanges: Sequence[str], left_out: dict[str, str]
) -> dict[str, set[str]]:
    """Symbols by exchange; those that don't answer in time are left out, however long they would take."""
    asking = {name: asyncio.ensure_future(twap.symbols(name)) for name in exchanges}
    if not asking:
        return {}
    await asyncio.wait(asking.values(), timeout=LISTING_SECONDS)
    listed = {}
    for name, task in asking.items():
        if not task.done():
            task.cancel()
            left_out[name] = f"no answer within {LISTING_SECONDS:g} s"
            continue
        try:
            listed[name] = set(task.result())
        except TwapError as error:
            left_out[name] = str(error)
    return listed


async def _live_book(twap: "TwapClient", symbol: str, exchanges: Sequence[str]) -> dict[str, Any] | None:
    """An update with as many live books as come in time; None where none does."""
    best: dict[str, Any] | None = None
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + BOOK_SECONDS
    try:
        async with (
            aclosing(twap.book(symbol, exchanges, depth=1)) as updates,
            asyncio.timeout_at(ends_at) as bound,
        ):
            async for update in updates:
                live = sum(source["state"] == "live" for source in update["sources"].values())
                if live == 0 or not update["order_book"]["asks"]:
                    continue
                if best is None:
                    bound.reschedule(min(ends_at, loop.time() + SETTLED_SECONDS))
                best = update
                if live == len(exchanges):
                    return best
    except (TimeoutError, TwapError):
        return best
    return best


def _digits(value: Decimal, count: int, rounding: str) -> Decimal:
    return Context(prec=count, rounding=rounding).plus(value)
