"""Books for many: each is encoded once per (symbol, exchanges, depth) and tick, and shared by all."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from twap.domain.consolidation import BookView, ConsolidatedLevel, Source
from twap.domain.market import Market
from twap.entrypoints.http.wire import digits, time_text
from twap.entrypoints.ws.connection import Shared
from twap.entrypoints.ws.counters import Counters
from twap.ports.market import BookState, Instrument

_encode = msgspec.json.Encoder().encode
_AT_ONCE = 50
"""Clients woken between two chances for everything else in the process to run."""
_REMEMBERED_SEQUENCES = 4096

Key = tuple[str, tuple[str, ...], int]
"""Symbol, exchanges in the order asked for, depth."""


class Receiver(Protocol):
    """A client, as its subscriptions see it."""

    def ready(self, subscription: "Subscription") -> None:
        """There is an update to be taken. Returns at once."""
        ...


class Subscription:
    """One client's place in a stream. Holds the newest update only.

    due_at  monotonic seconds: no update before
    """

    __slots__ = ("_pending", "_receiver", "due_at", "instruments", "stream")

    def __init__(self, receiver: Receiver, stream: "Stream", instruments: Sequence[Instrument]) -> None:
        self._receiver = receiver
        self._pending: Shared | None = None
        self.stream = stream
        self.instruments = tuple(instruments)
        self.due_at = math.inf

    def offer(self, update: Shared) -> bool:
        """False where it replaces an update that was not taken yet."""
        replaces = self._pending is not None
        self._pending = update
        if not replaces:
            self._receiver.ready(self)
        return not replaces

    def take(self) -> Shared | None:
        """The newest update, once; None where it was withdrawn."""
        update, self._pending = self._pending, None
        return update

    def withdraw(self) -> None:
        self._pending = None
        self.due_at = math.inf


class Stream:
    """The book of one key, and who wants it. sequence: of the last update that was made."""

    def __init__(self, key: Key, sequence: int) -> None:
        symbol, exchanges, _ = key
        self.key = key
        self.sequence = sequence
        self.subscriptions: set[Subscription] = set()
        names = _encode(exchanges).decode()
        self._head = (
            f'{{"type":"order_book_update","symbol":{_encode(symbol).decode()},"exchanges":{names},'
            '"order_book":{"bids":{'
        )
        self._joined: dict[tuple[str, ...], str] = {}

    def update(self, view: BookView, second: datetime) -> str:
        """The next `order_book_update`. Quantities are exact, in plain digits."""
        self.sequence += 1
        sources = {name: source_object(view.sources[name]) for name in self.key[1]}
        return (
            f'{self._head}{self._side(view.bids)}}},"asks":{{{self._side(view.asks)}}}}},'
            f'"sources":{_encode(sources).decode()},"sequence":{self.sequence},'
            f'"timestamp":"{time_text(second)}"}}'
        )

    def _side(self, levels: Iterable[ConsolidatedLevel]) -> str:
        return ",".join(
            [
                f'"{digits(level.price)}":[{digits(level.quantity)},{self._names(level.exchanges)}]'
                for level in levels
            ]
        )

    def _names(self, exchanges: tuple[str, ...]) -> str:
        joined = self._joined.get(exchanges)
        if joined is None:
            joined = self._joined[exchanges] = _encode(", ".join(exchanges)).decode()
        return joined


def source_object(source: Source) -> dict[str, str | int | None]:
    """What one exchange gave to an update; the reason only where its book is not live."""
    told: dict[str, str | int | None] = {
        "state": source.state.value,
        "age_ms": source.age_ms,
        "sequence": source.sequence,
    }
    if source.state is not BookState.LIVE:
        told["reason"] = source.reason
    return told


class Broadcast:
    """All streams that somebody is subscribed to."""

    def __init__(self, market: Market, counters: Counters) -> None:
        self._market, self._counters = market, counters
        self._streams: dict[Key, Stream] = {}
        self._sequences: dict[Key, int] = {}

    @property
    def subscriptions(self) -> int:
        return sum(len(stream.subscriptions) for stream in self._streams.values())

    def join(self, receiver: Receiver, key: Key, instruments: Sequence[Instrument]) -> Subscription:
        """Nothing is sent before its `due_at` is set."""
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream(key, self._sequences.pop(key, 0))
        subscription = Subscription(receiver, stream, instruments)
        stream.subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        subscription.withdraw()
        stream = subscription.stream
        stream.subscriptions.discard(subscription)
        if not stream.subscriptions and self._streams.pop(stream.key, None) is not None:
            # A client that comes back must not see the sequence fall.
            self._sequences[stream.key] = stream.sequence
            if len(self._sequences) > _REMEMBERED_SEQUENCES:
                del self._sequences[next(iter(self._sequences))]

    async def tick(self, second: datetime, now: float) -> None:
        """Offer everybody who is due the book of this second. now: monotonic seconds."""
        for stream in tuple(self._streams.values()):
            due = [each for each in stream.subscriptions if each.due_at <= now]
            if not due:
                continue
            symbol, exchanges, depth = stream.key
            # Sorted, so that the market consolidates once for all orders of the same names.
            update = Shared(stream.update(self._market.view(symbol, sorted(exchanges), depth), second))
            self._counters.encodings += 1
            for start in range(0, len(due), _AT_ONCE):
                for subscription in due[start : start + _AT_ONCE]:
                    # Whoever left meanwhile is due no more.
                    if subscription.due_at <= now and not subscription.offer(update):
                        self._counters.updates_skipped += 1
                await asyncio.sleep(0)
