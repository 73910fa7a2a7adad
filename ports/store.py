"""Ports to storage. Each method is one transaction; it raises StorageError where the database fails.

Decimals come back with the exact value they went in with. Times are aware UTC, to the microsecond.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from twap.ports.account import TokenFamily, User
from twap.ports.order import Execution, Order, OrderStatus, Slice
from twap.ports.values import value


@dataclass(frozen=True, slots=True)
class Claimed:
    """An order that one owner alone executes until its lease ends; a write with an older fence is refused."""

    order: Order
    fence: int


@value(frozen=True, slots=True)
class Step:
    """A change of one order by its executor: whole or not at all.

    order   with the new progress; its revision is the stored one + 1
    fence   of the claim
    slices  those that became over with this step, with their executions
    """

    order: Order
    fence: int
    slices: tuple[Slice, ...] = ()


class Recorded(StrEnum):
    """What became of a step; all but STORED: nothing of it was written.

    LOST    the order has been changed since (paused, cancelled): its revision is another
    TAKEN   the claim is another's now: its fence is another, or there is no such order
    FAILED  the database refused this step by itself
    """

    STORED = "stored"
    LOST = "lost"
    TAKEN = "taken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PageKey:
    """Where a page begins: strictly older than this order."""

    created_at: datetime
    order_id: str


class Batch(Protocol):
    """Steps that are stored together, of as many orders as there are."""

    def add(self, step: Step) -> None:
        """Nothing is written yet; but what it takes to write the step is made ready now, while its parts are
        at hand."""
        ...

    async def store(self) -> Sequence[Recorded]:
        """Store the steps in one transaction; what the database refuses is left out of it. One outcome per
        step, in the order in which they were added. A slice that is stored already makes its step LOST.
        Called once. Raises StorageError only where nothing can be written at all (the disk is full, the
        database is gone)."""
        ...


class OrderStore(Protocol):
    async def add(self, order: Order) -> Order:
        """Store a new order. Where the user has an order with this `client_order_id` already, that one is
        returned, unchanged, and nothing is stored; concurrent calls agree."""
        ...

    async def get(self, order_id: str) -> Order | None: ...

    async def find(self, user_id: str, client_order_id: str) -> Order | None: ...

    async def page(
        self,
        user_id: str,
        *,
        limit: int,
        before: PageKey | None = None,
        status: OrderStatus | None = None,
        symbol: str | None = None,
    ) -> Sequence[Order]:
        """The user's orders, newest first (by created_at, then id). The cost does not depend on how many
        orders or executions are stored."""
        ...

    async def unfinished(self, user_id: str) -> Sequence[Order]: ...

    async def count_unfinished(self, user_id: str) -> int: ...

    async def executions(self, order_id: str, after_slice: int = 0) -> Sequence[Execution]:
        """By slice, then as they were filled."""
        ...

    def executions_in_parts(self, order_id: str, after_slice: int = 0) -> AsyncIterator[Sequence[Execution]]:
        """The same in parts, as of `slices_in_parts`: a day's order may have hundreds of thousands."""
        ...

    async def slices(self, order_id: str) -> Sequence[Slice]:
        """All that are over, with looks and executions, by number; 0 (arrival) first."""
        ...

    def slices_in_parts(self, order_id: str) -> AsyncIterator[Sequence[Slice]]:
        """The same in parts of at most a few hundred, none empty, each read when it is asked for: the looks
        of a long order take too much memory to be held at once. A part is a transaction by itself; slices
        that are over never change."""
        ...

    async def slice(self, order_id: str, number: int) -> tuple[Slice, Decimal] | None:
        """One that is over, and the base that those before it filled together."""
        ...

    async def change(self, order: Order) -> bool:
        """Store new progress (no slices) if the stored revision is its revision - 1. Any claim stays."""
        ...

    async def claim(
        self, owner: str, *, now: datetime, lease_seconds: float, limit: int
    ) -> Sequence[Claimed]:
        """Take unfinished orders that nobody claims, or whose lease has ended; earliest start first. Each
        gets a fence greater than every one before. The owner's own running claims are not returned again."""
        ...

    async def renew(self, owner: str, *, now: datetime, lease_seconds: float) -> None:
        """Prolong all claims of this owner that have not been taken over."""
        ...

    async def release(self, owner: str) -> None:
        """Give up all claims, so that another can go on at once."""
        ...

    def batch(self) -> "Batch":
        """An empty one."""
        ...


class UserStore(Protocol):
    async def add(self, user: User) -> None:
        """Raises UsernameTaken, also when two come at once."""
        ...

    async def by_key(self, key: str) -> User | None: ...

    async def get(self, user_id: str) -> User | None: ...

    async def all(self) -> Sequence[User]:
        """By name."""
        ...

    async def set_password(self, user_id: str, password_hash: str) -> None: ...

    async def delete(self, user_id: str) -> None:
        """With the user's token families. Orders and executions stay for the record."""
        ...


class TokenStore(Protocol):
    async def add(self, family: TokenFamily) -> None: ...

    async def get(self, family_id: str) -> TokenFamily | None: ...

    async def rotate(self, family_id: str, spent: str, fresh: str, expires_at: datetime) -> bool:
        """Replace the refresh id `spent` by `fresh`. False, and the family is revoked, if `spent` is not
        the current one or the family is revoked; of two concurrent calls one wins."""
        ...

    async def revoke(self, family_id: str) -> None: ...

    async def revoke_user(self, user_id: str) -> None: ...

    async def forget_expired(self, now: datetime) -> None: ...


class Storage(Protocol):
    """One database. `open` applies pending migrations where asked, and refuses a newer schema."""

    @property
    def orders(self) -> OrderStore: ...

    @property
    def users(self) -> UserStore: ...

    @property
    def tokens(self) -> TokenStore: ...

    async def open(self, *, migrate: bool) -> None:
        """Raises WrongSetting where the database can't be opened or written, or its schema is newer."""
        ...

    async def ready(self) -> bool: ...

    async def close(self) -> None: ...
