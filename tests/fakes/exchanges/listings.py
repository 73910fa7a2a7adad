"""What a synthetic market lists: names, price and quantity steps, and where prices start."""

from dataclasses import dataclass
from decimal import Decimal

USD_PRICES = {
    "BTC": Decimal(60000),
    "ETH": Decimal(3000),
    "SOL": Decimal(150),
    "LTC": Decimal(80),
    "XRP": Decimal("0.6"),
    "ADA": Decimal("0.4"),
    "DOGE": Decimal("0.12"),
    "EUR": Decimal("1.1"),
    "USD": Decimal(1),
    "USDT": Decimal(1),
    "USDC": Decimal(1),
}
QUOTES = ("USDT", "USDC", "USD", "EUR", "BTC", "ETH")


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument: `symbol` is the exchange's own id, `price` where its market starts."""

    symbol: str
    base: str
    quote: str
    price: Decimal
    price_decimals: int
    quantity_decimals: int
    tradable: bool = True

    @property
    def tick(self):
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def lot(self):
        return Decimal(1).scaleb(-self.quantity_decimals)

    @property
    def tick_text(self):
        return f"{self.tick:f}"

    @property
    def lot_text(self):
        return f"{self.lot:f}"

    def price_text(self, price):
        return f"{price:.{self.price_decimals}f}"

    def quantity_text(self, lots):
        return f"{lots * self.lot:.{self.quantity_decimals}f}"


def listing(symbol, tradable=True):
    """Steps that suit the price: a tick of about 1/100,000 of it, a lot worth about as much in quote."""
    base, quote = parts(symbol)
    price = USD_PRICES.get(base, Decimal(5)) / USD_PRICES.get(quote, Decimal(1))
    magnitude = price.adjusted()
    price_decimals = max(1, 5 - magnitude)
    return Listing(
        symbol,
        base,
        quote,
        round(price, price_decimals),
        price_decimals,
        max(0, magnitude + 1),
        tradable,
    )


def parts(symbol):
    """Base and quote of `BTC-USDT`, `BTC/USDT` or `BTCUSDT`."""
    for separator in "-/":
        if separator in symbol:
            base, _, quote = symbol.partition(separator)
            return base, quote
    for quote in QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    raise ValueError(f"can't tell base and quote of {symbol!r}")
