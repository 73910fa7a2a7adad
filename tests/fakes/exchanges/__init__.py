"""Local stand-ins for the exchanges: real HTTP and WebSocket servers on loopback.

Written from the exchanges' documentation, and independent of the product: nothing here imports it.

    async with BinanceStandIn(SyntheticMarket(["BTCUSDT"])) as server:
        server.rest_url, server.ws_url
        await server.step(10)
        server.fault("skip", symbol="BTCUSDT", count=1)
"""

from tests.fakes.exchanges.binance import BinanceStandIn
from tests.fakes.exchanges.bybit import BybitStandIn
from tests.fakes.exchanges.coinbase import CoinbaseStandIn
from tests.fakes.exchanges.kraken import KrakenStandIn
from tests.fakes.exchanges.kucoin import KucoinStandIn
from tests.fakes.exchanges.market import SyntheticMarket
from tests.fakes.exchanges.okx import OkxStandIn
from tests.fakes.exchanges.recorded import RecordedMarket

KINDS = (BinanceStandIn, BybitStandIn, CoinbaseStandIn, KrakenStandIn, KucoinStandIn, OkxStandIn)
STAND_INS = {kind.name: kind for kind in KINDS}


def synthetic(name, symbols, *, seed=1, levels=100, **options):
    """A stand-in of that exchange with a made-up market of these native symbols."""
    kind = STAND_INS[name]
    return kind(SyntheticMarket(symbols, seed, levels, one_each=kind.one_id_per_change), **options)


def recorded(name, **options):
    """A stand-in of that exchange with its recorded market."""
    return STAND_INS[name](RecordedMarket(name), **options)


__all__ = [
    "STAND_INS",
    "BinanceStandIn",
    "BybitStandIn",
    "CoinbaseStandIn",
    "KrakenStandIn",
    "KucoinStandIn",
    "OkxStandIn",
    "RecordedMarket",
    "SyntheticMarket",
    "recorded",
    "synthetic",
]
