"""The whole program made of fakes."""

from decimal import Decimal

from prometheus_client import CollectorRegistry

from tests.fakes.auth import PlainHasher, PlainTokens
from tests.fakes.clock import ManualClock
from tests.fakes.feed import FakeFeed
from tests.fakes.ids import CountingIds
from tests.fakes.memory_store import MemoryStorage
from twap.domain.market import Market
from twap.domain.throttle import RateLimit, Throttle
from twap.entrypoints.services import Services
from twap.entrypoints.settings import Settings
from twap.plugins.bus.in_process import InProcessBus


def make_services(**replacements):
    """Services of fakes; name any of its fields to replace it: `make_services(feed=FakeFeed(down=…))`."""
    clock = replacements.get("clock") or ManualClock()
    storage = MemoryStorage()
    storage.is_open = True
    fakes = {
        "settings": Settings(_env_file=None),
        "storage": storage,
        "feed": FakeFeed(),
        "market": Market(clock),
        "clock": clock,
        "bus": InProcessBus(),
        "ids": CountingIds(),
        "hasher": PlainHasher(),
        "tokens": PlainTokens(),
        "throttle": Throttle(),
        "registrations": RateLimit(1000, 3600),
        "fees": {"Binance": Decimal("0.001"), "Kucoin": Decimal("0.001")},
        "executor_status": lambda: {"running": 0},
        "wake_executor": lambda: None,
        "metrics": CollectorRegistry(),
    }
    return Services(**{**fakes, **replacements})
