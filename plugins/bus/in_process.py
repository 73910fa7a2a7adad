"""An event bus inside one process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from twap.ports.bus import BusEvent, Lost, Published


class InProcessBus:
    """Delivers to subscribers on the same event loop; nothing is kept for those who come later.

    capacity  events that a subscriber may be behind; beyond, it loses the oldest
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._mailboxes: dict[str | None, set[_Mailbox]] = {}

    def publish(self, event: Published) -> None:
        """The cost grows with the subscribers of this user, and of all."""
        for topic in (event.user_id, None):
            # A copy: a subscription may be collected, and so leave, at any allocation.
            for mailbox in tuple(self._mailboxes.get(topic, ())):
                mailbox.put(event)

    def subscribe(self, user_id: str | None = None) -> "Subscription":
        mailbox = _Mailbox(self._capacity)
        self._mailboxes.setdefault(user_id, set()).add(mailbox)
        return Subscription(self, user_id, mailbox)

    @property
    def subscribers(self) -> int:
        return sum(map(len, self._mailboxes.values()))

    def leave(self, topic: str | None, mailbox: "_Mailbox") -> None:
        mailboxes = self._mailboxes.get(topic, set())
        mailboxes.discard(mailbox)
        if not mailboxes:
            self._mailboxes.pop(topic, None)


class Subscription(AsyncIterator[BusEvent]):
    """The events of one topic, for one reader; ends when it is closed or nobody holds it any more."""

    def __init__(self, bus: InProcessBus, topic: str | None, mailbox: "_Mailbox") -> None:
        self._bus, self._topic, self._mailbox = bus, topic, mailbox

    async def __anext__(self) -> BusEvent:
        event = await self._mailbox.take()
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bus; a reader that waits, and every later one, is at the end. May be called again."""
        self._bus.leave(self._topic, self._mailbox)
        self._mailbox.close()

    def __del__(self) -> None:
        self._bus.leave(self._topic, self._mailbox)


class _Mailbox:
    """A bounded queue. The bus holds it, not the subscription, so that a forgotten one can be collected."""

    def __init__(self, capacity: int) -> None:
        self._events: deque[Published] = deque(maxlen=capacity)
        self._lost = False
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, event: Published) -> None:
        self._lost |= len(self._events) == self._events.maxlen
        self._events.append(event)
        self._changed.set()

    async def take(self) -> BusEvent | None:
        """The next event; None once closed."""
        while not (self._events or self._closed):
            self._changed.clear()
            await self._changed.wait()
        if self._closed:
            return None
        if self._lost:
            self._lost = False
            return Lost()
        return self._events.popleft()

    def close(self) -> None:
        self._closed = True
        self._events.clear()
        self._changed.set()
