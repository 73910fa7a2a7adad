"""The composition root: the only place where adapters and use cases are put together.

A container belongs to one program; two in one process share nothing. A test replaces an adapter in one line:
`container.clock.override(fake)`. Asynchronous things (database, feeds) are built here and opened by
`twap.entrypoints.program`.
"""

import os
import socket
from collections.abc import Mapping
from decimal import Decimal

from dependency_injector import containers, providers
from prometheus_client import CollectorRegistry

from twap.domain.market import Market
from twap.domain.throttle import RateLimit, Throttle
from twap.entrypoints.discovery import discover
from twap.entrypoints.execution.executor import Executor
from twap.entrypoints.execution.order_feeds import OrderFeeds
from twap.entrypoints.execution.shared_memory import SharedMemory
from twap.entrypoints.execution.stats import ExecutionStats
from twap.entrypoints.services import Services
from twap.entrypoints.settings import Settings
from twap.plugins.auth.keyring import Keyring, load_keyring
from twap.plugins.auth.passwords import Argon2Hasher
from twap.plugins.auth.tokens import JoseTokens
from twap.plugins.bus.in_process import InProcessBus
from twap.plugins.clock.system import SystemClock
from twap.plugins.ids.random_ids import RandomIds
from twap.plugins.storage.storage import TortoiseStorage
from twap.plugins.transport.engine import FeedEngine
from twap.ports.exchange import Endpoints, Exchange


def _keyring(settings: Settings) -> Keyring:
    secret = settings.secret_key
    return load_keyring(None if secret is None else secret.get_secret_value(), settings.data_dir)


def _endpoints(settings: Settings, exchanges: Mapping[str, Exchange]) -> dict[str, Endpoints]:
    return {name: settings.endpoints_of(exchange) for name, exchange in exchanges.items()}


def _fees(settings: Settings, exchanges: Mapping[str, Exchange]) -> dict[str, Decimal]:
    return {name: settings.taker_fee_of(exchange) for name, exchange in exchanges.items()}


def _throttle(settings: Settings) -> Throttle:
    return Throttle(
        account_attempts=settings.login_attempts_per_account,
        address_attempts=settings.login_attempts_per_address,
        window_seconds=settings.login_window_seconds,
    )


def _registrations(settings: Settings) -> RateLimit:
    return RateLimit(settings.registrations_per_address, settings.registration_window_seconds)


def _owner() -> str:
    """Names this process in claims."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


class Container(containers.DeclarativeContainer):
    """`Container(settings=load_settings())`."""

    settings = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(RandomIds)
    bus = providers.Singleton(InProcessBus)
    metrics = providers.Singleton(CollectorRegistry)
    storage = providers.Singleton(TortoiseStorage, settings.provided.database_url)

    keyring = providers.Singleton(_keyring, settings)
    tokens = providers.Singleton(JoseTokens, keyring)
    hasher = providers.Singleton(Argon2Hasher)
    throttle = providers.Singleton(_throttle, settings)

    found = providers.Singleton(
        discover,
        settings.provided.exchanges,
        named=providers.Dict(TWAP_ENDPOINTS=settings.provided.endpoints, TWAP_FEES=settings.provided.fees),
    )
    exchanges = found.provided[0]
    fees = providers.Singleton(_fees, settings, exchanges)
    market = providers.Singleton(Market, clock, stale_after_seconds=settings.provided.stale_after_seconds)
    feed = providers.Singleton(
        FeedEngine,
        exchanges,
        market,
        clock,
        ids,
        endpoints=providers.Singleton(_endpoints, settings, exchanges),
        failures=found.provided[1],
    )

    owner = providers.Singleton(_owner)
    stats = providers.Singleton(ExecutionStats)
    order_feeds = providers.Singleton(OrderFeeds, feed, market, clock)
    executor = providers.Singleton(
        Executor,
        owner=owner,
        market=market,
        feeds=order_feeds,
        orders=storage.provided.orders,
        bus=bus,
        clock=clock,
        stats=stats,
        shared=providers.Singleton(SharedMemory, shares=settings.provided.share_liquidity),
    )

    services = providers.Singleton(
        Services,
        settings=settings,
        storage=storage,
        feed=feed,
        market=market,
        clock=clock,
        bus=bus,
        ids=ids,
        hasher=hasher,
        tokens=tokens,
        throttle=throttle,
        registrations=providers.Singleton(_registrations, settings),
        fees=fees,
        executor_status=executor.provided.status,
        wake_executor=executor.provided.wake,
        metrics=metrics,
    )
