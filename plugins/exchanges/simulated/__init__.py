"""A market of our own, for trying things out without a network.

Prices and books are computed, not recorded: pure functions of (seed, symbol, time), so that two runs with the
same seed show the same market at the same moments. The plugin brings its own transport, and everything
else (feed engine, codec, synchroniser) treats it like any other exchange.
"""

from twap.plugins.exchanges.simulated.clock import WallClock
from twap.plugins.exchanges.simulated.exchange import Simulated
from twap.ports.exchange import Exchange
from twap.ports.hooks import hookimpl

__all__ = ["Simulated", "twap_exchange"]


@hookimpl
def twap_exchange() -> Exchange:
    return Simulated(clock=WallClock(), seed=1)
