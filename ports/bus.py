"""The port to what others must hear."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from twap.ports.order import Execution, Order


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order was stored with new progress, with the executions that are new in it."""

    order: Order
    executions: tuple[Execution, ...] = ()

    @property
    def user_id(self) -> str:
        return self.order.user_id


@dataclass(frozen=True, slots=True)
class LoginsEnded:
    """Tokens of this user are dead: whatever was opened with one must look at it again."""

    user_id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A subscriber was too slow: events before this one were dropped. It must read the state anew."""


Published = OrderChanged | LoginsEnded
BusEvent = Published | Lost


class EventBus(Protocol):
    def publish(self, event: Published) -> None:
        """Never blocks, never raises; a slow subscriber loses events and is told so by `Lost`."""
        ...

    def subscribe(self, user_id: str | None = None) -> AsyncIterator[BusEvent]:
        """Events of that user (None: of all), from this call on, until the iterator is closed."""
        ...
