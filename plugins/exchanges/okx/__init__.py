"""OKX spot: v5 books of 400 levels, chained by `prevSeqId`, REST for instruments and candles."""

from twap.plugins.exchanges.okx.exchange import OKX
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl


@hookimpl
def twap_exchange() -> Exchange:
    return OKX()
