"""The installed exchanges that have a stand-in here."""

from tests.fakes.exchanges import STAND_INS, synthetic
from twap.entrypoints.discovery import discover

NATIVE_FORM = {"binance": "{}USDT", "bybit": "{}USDT", "coinbase": "{}-USD", "kraken": "{}/USD"}
BASES = ["BTC", "ETH", "SOL", "LTC", "XRP", "ADA", "DOGE", *(f"C{number}" for number in range(10, 23))]

FOUND, FAILED = discover(None)
EXCHANGES = {name: exchange for name, exchange in FOUND.items() if name.casefold() in STAND_INS}


def stand_in(name, symbols=2, levels=60, **options):
    """A stand-in of that exchange, not started, with so many synthetic symbols."""
    key = name.casefold()
    natives = [NATIVE_FORM.get(key, "{}-USDT").format(base) for base in BASES[:symbols]]
    return synthetic(key, natives, levels=levels, keep_history=True, **options)


WINDOWS = {"Bybit": 1000, "OKX": 400, "Kraken": 500, "Binance": None, "Coinbase": None, "Kucoin": None}
"""Levels a side that the exchange shows of a deeper book, or that are kept of it."""
SERIES = {"Kraken": {"monday": False, "flat": True}}
"""Kraken's weeks begin on Thursday, as 1970 did; and it has rows for intervals without trades."""
OTHER = dict(zip(EXCHANGES, [*list(EXCHANGES)[1:], *list(EXCHANGES)[:1]], strict=True))
"""To each exchange another one."""
