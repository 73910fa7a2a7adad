"""Rate limits as exchanges count them."""

import time
from collections import deque


class Window:
    """At most `count` (of weight) within any `seconds`."""

    def __init__(self, count, seconds):
        self.count, self.seconds = count, seconds
        self.hits = deque()
        self.used = 0

    def hit(self, weight=1):
        """Count it; False if that is too much."""
        now = time.monotonic()
        while self.hits and self.hits[0][0] <= now - self.seconds:
            self.used -= self.hits.popleft()[1]
        self.hits.append((now, weight))
        self.used += weight
        return self.used <= self.count

    def wait_seconds(self):
        """Until the oldest hit is forgotten."""
        return max(0.0, self.hits[0][0] + self.seconds - time.monotonic()) if self.hits else 0.0
