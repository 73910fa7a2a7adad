"""Bybit spot: v5 REST and the public spot stream.

Source: bybit-exchange.github.io/docs/v5: `ws/connect`, `websocket/public/orderbook`, `market/instrument`,
`market/kline`.
"""

from twap.plugins.exchanges.bybit.exchange import Bybit
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl

__all__ = ["Bybit", "twap_exchange"]


@hookimpl
def twap_exchange() -> Exchange:
    return Bybit()
