"""Binance spot: REST v3 and the raw market streams.

Source: github.com/binance/binance-spot-api-docs, `rest-api.md` and `web-socket-streams.md`.
"""

from twap.plugins.exchanges.binance.exchange import Binance
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl

__all__ = ["Binance", "twap_exchange"]


@hookimpl
def twap_exchange() -> Exchange:
    return Binance()
