"""The books that one client is subscribed to."""

import asyncio
from collections.abc import Collection

from twap.entrypoints.http.problems import of_error
from twap.entrypoints.services import Services
from twap.entrypoints.ws import messages
from twap.entrypoints.ws.broadcast import Broadcast, Receiver, Subscription
from twap.ports.errors import TwapError
from twap.ports.market import Instrument

Key = tuple[str, frozenset[str]]
"""Symbol and exchanges: what a client can be subscribed to once."""


class Subscriptions:
    """Each feed that is acquired here is released exactly once: by `unsubscribe` or by `leave_all`."""

    def __init__(self, receiver: Receiver, services: Services, broadcast: Broadcast) -> None:
        self._receiver, self._feed, self._broadcast = receiver, services.feed, broadcast
        self._most = services.settings.ws_subscriptions_per_client
        self._held: dict[Key, Subscription] = {}

    def __len__(self) -> int:
        return len(self._held)

    async def subscribe(self, asked: messages.Subscribe) -> tuple[str, Subscription | None]:
        """The answer, and the subscription that it confirms; nothing is sent before its `due_at` is set."""
        symbol = asked.symbol
        try:
            names = self._names(asked.exchanges)
            if (symbol, frozenset(names)) in self._held:
                problem = f"Already subscribed to {symbol} on {', '.join(names)}"
            elif len(self._held) >= self._most:
                problem = f"too many subscriptions: at most {self._most} on one connection"
            else:
                instruments = await self._instruments(symbol, names)
                return messages.subscribe_success(symbol, names), self._join(asked, names, instruments)
        except TwapError as error:
            problem = of_error(error).detail
        return messages.subscribe_failure(problem, symbol), None

    def unsubscribe(self, asked: messages.Unsubscribe) -> str:
        """The answer; what was not sent yet is withdrawn."""
        symbol = asked.symbol
        try:
            names = self._names(asked.exchanges)
        except TwapError as error:
            return messages.unsubscribe_failure(of_error(error).detail, symbol)
        subscription = self._held.pop((symbol, frozenset(names)), None)
        if subscription is None:
            problem = f"Not subscribed to {symbol} on {', '.join(names)}"
            return messages.unsubscribe_failure(problem, symbol)
        self._leave(subscription)
        return messages.unsubscribe_success(symbol, names)

    def leave_all(self) -> None:
        while self._held:
            self._leave(self._held.popitem()[1])

    def _names(self, exchanges: Collection[str]) -> tuple[str, ...]:
        """As their plugins spell them, each once, in the order asked for. Raises UnknownExchange."""
        return tuple(dict.fromkeys(map(self._feed.name_of, exchanges)))

    async def _instruments(self, symbol: str, names: tuple[str, ...]) -> list[Instrument]:
        return await asyncio.gather(*(self._feed.instrument(name, symbol) for name in names))

    def _join(
        self, asked: messages.Subscribe, names: tuple[str, ...], instruments: list[Instrument]
    ) -> Subscription:
        for instrument in instruments:
            self._feed.acquire(instrument)
        key = asked.symbol, names, asked.depth
        subscription = self._broadcast.join(self._receiver, key, instruments)
        self._held[asked.symbol, frozenset(names)] = subscription
        return subscription

    def _leave(self, subscription: Subscription) -> None:
        self._broadcast.leave(subscription)
        for instrument in subscription.instruments:
            self._feed.release(instrument)
