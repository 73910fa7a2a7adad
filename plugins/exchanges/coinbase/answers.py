"""Bodies of Coinbase Advanced Trade's public REST API; a refusal is `{"error": …, "message": …}`."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from twap.ports.errors import CodecError
from twap.ports.market import Candle, Instrument, canonical_symbol
from twap.ports.numbers import parse_minimum, parse_plain, parse_step

UNREADABLE = (ValueError, RecursionError, OverflowError, OSError)
"""What damaged bodies raise: msgspec's errors are ValueErrors, the others come of times out of range."""


Name = Annotated[str, msgspec.Meta(min_length=1)]


class Refusal(msgspec.Struct):
    error: str | int | None = None
    message: str = ""


class Product(msgspec.Struct):
    """alias: the product whose book this one shares, or empty. The flags say what it can't do now."""

    product_id: Name
    base_currency_id: Name
    quote_currency_id: Name
    quote_increment: str
    base_increment: str
    base_min_size: str | None = None
    quote_min_size: str | None = None
    price_increment: str | None = None
    product_type: str = "SPOT"
    status: str = ""
    alias: str | None = None
    is_disabled: bool | None = None
    trading_disabled: bool | None = None
    view_only: bool | None = None
    cancel_only: bool | None = None
    post_only: bool | None = None
    auction_mode: bool | None = None

    @property
    def takes_orders(self) -> bool:
        hindered = (
            self.is_disabled
            or self.trading_disabled
            or self.view_only
            or self.cancel_only
            or self.post_only
            or self.auction_mode
        )
        return not hindered and self.product_type == "SPOT" and self.status in ("", "online")


class Products(msgspec.Struct):
    products: list[msgspec.Raw]


class Row(msgspec.Struct):
    """start: seconds since 1970, as text."""

    start: str
    open: str
    high: str
    low: str
    close: str
    volume: str


class Candles(msgspec.Struct):
    """None, as servers write an empty list that was never made."""

    candles: list[Row] | None


T = TypeVar("T")


def read_instruments(body: bytes, exchange: str) -> list[Instrument]:
    """Those that trade; entries that can't be read are left out, and so are aliases.

    BTC-USDC has the very book of BTC-USD, and its feed speaks of BTC-USD alone: so a product whose `alias` is
    listed too can't be fed under its own id.
    """
    products = [product for entry in _decode(body, Products).products if (product := _product(entry))]
    listed = {product.product_id for product in products}
    offered = (product for product in products if product.takes_orders and product.alias not in listed)
    found = (_instrument(product, exchange) for product in offered)
    return [instrument for instrument in found if instrument is not None]


def _product(entry: msgspec.Raw) -> Product | None:
    try:
        return msgspec.json.decode(entry, type=Product)
    except UNREADABLE:
        return None


def _instrument(product: Product, exchange: str) -> Instrument | None:
    try:
        return Instrument(
            exchange=exchange,
            symbol=canonical_symbol(product.product_id),
            native=product.product_id,
            base=product.base_currency_id.upper(),
            quote=product.quote_currency_id.upper(),
            tick_size=parse_step(product.price_increment or product.quote_increment),
            lot_size=parse_step(product.base_increment),
            min_quantity=parse_minimum(product.base_min_size),
            min_notional=parse_minimum(product.quote_min_size),
        )
    except ValueError:
        return None


def read_candles(body: bytes) -> list[Candle]:
    """The newest first; intervals without a trade are missing, and rows may lie before the start."""
    try:
        return [_candle(row) for row in _decode(body, Candles).candles or ()]
    except UNREADABLE as error:
        raise CodecError(f"a candle that can't be read: {error}") from error


def _candle(row: Row) -> Candle:
    return Candle(
        open_at=datetime.fromtimestamp(int(row.start), UTC),
        open=parse_plain(row.open),
        high=parse_plain(row.high),
        low=parse_plain(row.low),
        close=parse_plain(row.close),
        volume=parse_plain(row.volume),
    )


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        refusal = msgspec.json.decode(body, type=Refusal)
        if refusal.error is not None:
            raise CodecError(f"{refusal.error} {refusal.message[:200]}".strip())
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise CodecError(f"not an answer of Coinbase's: {error}") from error
