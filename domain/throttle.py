"""How often something may be tried: slows guessing without shutting an account's owner out."""

import ipaddress
import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass

from twap.ports.errors import Throttled

MAX_PENALTY_SECONDS = 900.0


@dataclass(slots=True)
class _Record:
    attempts: deque[float]
    blocked_until: float = -math.inf
    strikes: int = 0


class RateLimit:
    """At most `allowed` attempts a key within any `window_seconds`.

    Whoever goes beyond waits until the window has room again, and at least a penalty that doubles each time
    (0: no penalty). Penalties are forgotten after a window of rest. The `max_keys` keys that were used
    last are remembered, so memory is bounded by max_keys * allowed.
    """

    def __init__(
        self, allowed: int, window_seconds: float, penalty_seconds: float = 0, max_keys: int = 10_000
    ) -> None:
        self._allowed, self._window = allowed, window_seconds
        self._penalty, self._max_keys = penalty_seconds, max_keys
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def wait_seconds(self, key: Hashable, now: float) -> float:
        """How long until this key may try again; 0 if it may now. Going beyond begins a penalty."""
        record = self._records.get(key)
        if record is None:
            return 0
        if now >= record.blocked_until:
            self._review(record, now)
        return max(0.0, record.blocked_until - now)

    def count(self, key: Hashable, now: float) -> None:
        """An attempt was made."""
        record = self._records.setdefault(key, _Record(deque(maxlen=self._allowed)))
        record.attempts.append(now)
        self._records.move_to_end(key)
        while len(self._records) > self._max_keys:
            self._records.popitem(last=False)

    def admit(self, key: Hashable, now: float) -> None:
        """Count an attempt. Raises Throttled, and counts nothing, where it is one too many."""
        if wait := self.wait_seconds(key, now):
            raise Throttled(f"too many attempts; try again in {math.ceil(wait)} seconds", wait)
        self.count(key, now)

    def forget(self, key: Hashable) -> None:
        self._records.pop(key, None)

    def __len__(self) -> int:
        return len(self._records)

    def _review(self, record: _Record, now: float) -> None:
        while record.attempts and record.attempts[0] <= now - self._window:
            record.attempts.popleft()
        if now - record.blocked_until > self._window:
            record.strikes = 0
        if len(record.attempts) >= self._allowed:
            penalty = min(self._penalty * 2**record.strikes, MAX_PENALTY_SECONDS)
            record.strikes = min(record.strikes + 1, 32)
            record.blocked_until = max(record.attempts[0] + self._window, now + penalty)


class Throttle:
    """Bounds failed attempts to log in, within a window, by three counters:

    account at one address   the main one, with doubling penalties: stops guessing one password, and can only
                             shut out whoever shares the guesser's address; success clears it
    one address              stops trying one password on many names; also with doubling penalties
    account, all addresses   slows guessing from many addresses; `spread` times the first bound, without
                             penalties. An address from which the account's owner has logged in is exempt,
                             so that strangers can't shut the owner out

    Attempts that are still being decided do not count: the owner may come from many places at once, and
    how many are decided at once is bounded by the password hasher. IPv6 addresses count by their /64, as
    one customer has a whole one.
    """

    def __init__(
        self,
        account_attempts: int = 30,
        address_attempts: int = 150,
        window_seconds: float = 300,
        penalty_seconds: float = 30,
        spread: int = 10,
        max_keys: int = 10_000,
    ) -> None:
        self._pairs = RateLimit(account_attempts, window_seconds, penalty_seconds, max_keys)
        self._networks = RateLimit(address_attempts, window_seconds, penalty_seconds, max_keys)
        self._accounts = RateLimit(account_attempts * spread, window_seconds, max_keys=max_keys)
        self._owners: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._max_keys = max_keys

    def check(self, account: str, address: str, now: float) -> None:
        """Raises Throttled where no attempt is allowed now."""
        network = network_of(address)
        pair = account, network
        waits = [self._pairs.wait_seconds(pair, now), self._networks.wait_seconds(network, now)]
        if pair not in self._owners:
            waits.append(self._accounts.wait_seconds(account, now))
        if wait := max(waits):
            raise Throttled(f"too many attempts to log in; try again in {math.ceil(wait)} seconds", wait)

    def failed(self, account: str, address: str, now: float) -> None:
        network = network_of(address)
        self._pairs.count((account, network), now)
        self._networks.count(network, now)
        self._accounts.count(account, now)

    def succeeded(self, account: str, address: str) -> None:
        """The attempt was the owner's."""
        pair = account, network_of(address)
        self._pairs.forget(pair)
        self._owners[pair] = None
        self._owners.move_to_end(pair)
        if len(self._owners) > self._max_keys:
            self._owners.popitem(last=False)


def network_of(address: str) -> str:
    """The part of an address that one customer holds: the /64 of IPv6, all of IPv4 and of anything else."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
