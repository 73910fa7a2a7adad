"""How much one client may ask for."""

from collections import Counter

from twap.domain.throttle import network_of


class MessageRate:
    """A bucket of messages that fills steadily and may be overdrawn.

    per_second  messages that come in; burst: how many fit, and how far it may be overdrawn
    """

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = burst, now

    def spend(self, now: float) -> None:
        """One message has come."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - 1
        self._at = now

    @property
    def exceeded(self) -> bool:
        return self._left < 0

    @property
    def abused(self) -> bool:
        """Told again and again, the client goes on."""
        return self._left < -self._burst


class Addresses:
    """Counts the clients of each network (an IPv4 address, an IPv6 /64)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._clients: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """False, and nothing counted, where that many are there already."""
        network = network_of(address)
        if self._clients[network] >= self._most:
            return False
        self._clients[network] += 1
        return True

    def leave(self, address: str) -> None:
        network = network_of(address)
        self._clients[network] -= 1
        if not self._clients[network]:
            del self._clients[network]
