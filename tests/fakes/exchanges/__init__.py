"""Local stand-ins for the exchanges: real HTTP and WebSocket servers on loopback.

Written from the exchanges' documentation, and independent of the product: nothing here imports it.

    async with BinanceStandIn(SyntheticMarket(["BTCUSDT"])) as server:
        server.rest_url, server.ws_url
        await server.step(10)
        server.fault("skip", symbol="BTCUSDT", count=1)
"""

from tests.fakes.exchanges.binance import BinanceStandIn
from tests.fakes.exchanges.market import SyntheticMarket
from tests.fakes.exchanges.recorded import RecordedMarket

STAND_INS = {stand_in.name: stand_in for stand_in in (BinanceStandIn,)}


def synthetic(name, symbols, *, seed=1, levels=100, **options):
    """A stand-in of that exchange with a made-up market of these native symbols."""
    kind = STAND_INS[name]
    return kind(SyntheticMarket(symbols, seed, levels, one_each=kind.one_id_per_change), **options)


def recorded(name, **options):
    """A stand-in of that exchange with its recorded market."""
    return STAND_INS[name](RecordedMarket(name), **options)


__all__ = ["STAND_INS", "BinanceStandIn", "RecordedMarket", "SyntheticMarket", "recorded", "synthetic"]
