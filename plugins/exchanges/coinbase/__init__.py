"""Coinbase Advanced Trade: keyless `level2` books, which begin with a snapshot in the stream."""

from twap.plugins.exchanges.coinbase.exchange import Coinbase
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl


@hookimpl
def twap_exchange() -> Exchange:
    return Coinbase()
