"""The feed engine: all traffic with all exchanges. Imports `twap.ports`, aiohttp and structlog.

`FeedEngine` is what the rest of the program sees (twap.ports.feed.MarketFeed).
"""

from twap.plugins.transport.aiohttp_transport import AiohttpTransport
from twap.plugins.transport.engine import FeedEngine
from twap.plugins.transport.venue import Timing

__all__ = ["AiohttpTransport", "FeedEngine", "Timing"]
