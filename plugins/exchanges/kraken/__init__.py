"""Kraken spot: WebSocket API v2 books kept true by CRC32, REST for instruments and candles."""

from twap.plugins.exchanges.kraken.exchange import Kraken
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl


@hookimpl
def twap_exchange() -> Exchange:
    return Kraken()
