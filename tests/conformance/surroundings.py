"""The program's surroundings on a stage: time that passes quickly, limits, and the network with open ears."""

import asyncio
import math
import time
from collections import deque
from datetime import UTC, datetime

from tests.fakes.exchanges.limits import Window
from twap.plugins.transport import AiohttpTransport

SPEED = 8
"""Seconds of the program that pass in a real one, for the engine and for the stand-ins' limits alike."""


class HastyClock:
    """Implements twap.ports.clock.Clock. now: where the wall clock stands still, or None."""

    def __init__(self, speed=SPEED, now=None):
        self.speed, self._now = speed, now

    def now(self):
        return self._now or datetime.now(UTC)

    def monotonic(self):
        return time.monotonic() * self.speed

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / self.speed)


class SentWindow(Window):
    """A rate limit that counts by when the program sent a request: on a busy machine what was sent apart may
    arrive together. sent: those times, in order; in the program's seconds."""

    def __init__(self, count, seconds, sent):
        super().__init__(count, seconds)
        self.sent = sent

    def hit(self, weight=1):
        now = self.sent.popleft() if self.sent else math.inf
        while self.hits and self.hits[0][0] <= now - self.seconds:
            self.used -= self.hits.popleft()[1]
        self.hits.append((now, weight))
        self.used += weight
        return self.used <= self.count


class HastyTransport(AiohttpTransport):
    """The network, but nobody waits long for an answer.

    heard  the last frames, as they came
    sent   by address, when requests were sent
    """

    def __init__(self, clock, sent):
        super().__init__()
        self.clock, self.sent = clock, sent
        self.heard = deque(maxlen=200)

    async def connect(self, *where):
        connection = await super().connect(*where)
        receive = connection.receive

        async def overheard():
            frame = await receive()
            self.heard.append(frame)
            return frame

        connection.receive = overheard
        return connection

    async def request(self, base, request, timeout_seconds):
        self.sent[base].append(self.clock.monotonic())
        return await super().request(base, request, min(timeout_seconds, 0.4))


class Adjusted:
    """An exchange with some of its members replaced."""

    def __init__(self, exchange, **members):
        vars(self).update(_exchange=exchange, **members)

    def __getattr__(self, member):
        return getattr(self._exchange, member)
