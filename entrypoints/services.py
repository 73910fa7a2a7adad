"""What the ways in are given: every adapter, and every use case with its ports filled in.

The container builds one `Services` for each program; tests build one of fakes. Nothing here is global.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from prometheus_client import CollectorRegistry

from twap.domain import accounts, lifecycle, submission
from twap.domain.market import Market
from twap.domain.throttle import RateLimit, Throttle
from twap.entrypoints.settings import Settings
from twap.ports.account import Claims, TokenPair, User
from twap.ports.auth import PasswordHasher, Tokens
from twap.ports.bus import EventBus
from twap.ports.clock import Clock
from twap.ports.feed import MarketFeed
from twap.ports.ids import Ids
from twap.ports.order import Order, Ticket
from twap.ports.store import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """The program as its ways in see it.

    throttle         of attempts to log in; registrations: of new accounts, by address
    fees             taker fee by exchange, as a ratio
    executor_status  what the executor says of itself, for `/health/ready`
    wake_executor    tells the executor that there may be something to claim
    metrics          of this program alone; `/metrics` writes it out
    """

    settings: Settings
    storage: Storage
    feed: MarketFeed
    market: Market
    clock: Clock
    bus: EventBus
    ids: Ids
    hasher: PasswordHasher
    tokens: Tokens
    throttle: Throttle
    registrations: RateLimit
    fees: Mapping[str, Decimal]
    executor_status: Callable[[], Mapping[str, Any]]
    wake_executor: Callable[[], None]
    metrics: CollectorRegistry

    async def register(self, username: str, password: str, address: str) -> User:
        return await accounts.register(
            username,
            password,
            users=self.storage.users,
            hasher=self.hasher,
            clock=self.clock,
            ids=self.ids,
            registrations=self.registrations,
            address=address,
        )

    async def log_in(self, username: str, password: str, address: str) -> TokenPair:
        return await accounts.log_in(
            username,
            password,
            address=address,
            users=self.storage.users,
            token_store=self.storage.tokens,
            hasher=self.hasher,
            tokens=self.tokens,
            clock=self.clock,
            ids=self.ids,
            throttle=self.throttle,
        )

    async def refresh(self, refresh_token: str) -> TokenPair:
        return await accounts.refresh(
            refresh_token,
            users=self.storage.users,
            token_store=self.storage.tokens,
            tokens=self.tokens,
            clock=self.clock,
            bus=self.bus,
            ids=self.ids,
        )

    async def authenticate(self, access_token: str) -> tuple[User, Claims]:
        return await accounts.authenticate(
            access_token,
            users=self.storage.users,
            token_store=self.storage.tokens,
            tokens=self.tokens,
            clock=self.clock,
        )

    async def log_out(self, claims: Claims) -> None:
        await accounts.log_out(claims, token_store=self.storage.tokens, bus=self.bus)

    async def unregister(self, user: User) -> None:
        """Cancels the user's running orders first. Raises Forbidden for an admin."""
        await accounts.unregister(user, users=self.storage.users, bus=self.bus, cancel_orders=self.cancel_all)

    async def list_users(self, caller: User) -> Sequence[User]:
        return await accounts.list_users(caller, users=self.storage.users)

    async def submit(self, ticket: Ticket, user: User) -> Order:
        order = await submission.submit(
            ticket,
            user_id=user.id,
            feed=self.feed,
            market=self.market,
            orders=self.storage.orders,
            clock=self.clock,
            bus=self.bus,
            ids=self.ids,
            fees=self.fees,
            most_running=self.settings.orders_per_user_running,
        )
        self.wake_executor()
        return order

    async def show(self, order_id: str, user: User) -> Order:
        return await lifecycle.show(order_id, user_id=user.id, orders=self.storage.orders)

    async def cancel(self, order_id: str, user: User) -> Order:
        return await lifecycle.cancel(
            order_id, user_id=user.id, orders=self.storage.orders, clock=self.clock, bus=self.bus
        )

    async def pause(self, order_id: str, user: User) -> Order:
        return await lifecycle.pause(
            order_id, user_id=user.id, orders=self.storage.orders, clock=self.clock, bus=self.bus
        )

    async def resume(self, order_id: str, user: User) -> Order:
        order = await lifecycle.resume(
            order_id, user_id=user.id, orders=self.storage.orders, clock=self.clock, bus=self.bus
        )
        self.wake_executor()
        return order

    async def cancel_all(self, user_id: str) -> None:
        await lifecycle.cancel_all(user_id, orders=self.storage.orders, clock=self.clock, bus=self.bus)
