"""Kucoin, classic spot: keyless level 2 changes, spliced onto a snapshot by HTTP."""

from twap.plugins.exchanges.kucoin.exchange import Kucoin
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl


@hookimpl
def twap_exchange() -> Exchange:
    return Kucoin()
