"""Faults on demand.

| fault | what happens | options |
|---|---|---|
| drop | connections are aborted, now | symbol, count |
| close | connections are closed, now | symbol, count, code, seconds until then |
| shutdown | the exchange's own notice where it has one, then a close | as for close |
| half_open | nothing is sent any more, not even pongs; frames are still read | symbol, count, seconds |
| refuse | new connections are refused | mode: http (503) or close |
| skip, duplicate, reorder | of deltas; the true book moves on | symbol, count |
| corrupt | broken bytes, or a changed digit | mode: json or digit |
| delay | frames go out late | delay_seconds |
| malformed, unknown, huge_frame | an odd frame before the delta | size |
| crossed | the true book itself is crossed for a change | symbol, count |
| http_429, http_418, http_5xx | REST answers so | status, retry_after, path |
| slow_body | half a REST body, then silence | delay_seconds, path |
| wrong_snapshot | REST: an old one; Kraken: a wrong checksum; Bybit, OKX: an old sequence | symbol, count |
| overlap_snapshot | a REST snapshot from amid the last change; set it before that change | symbol, count |
| reject | a subscription is refused | symbol, count |

Without a symbol and a count `half_open` befalls new connections, too. `seconds` is how long a fault lasts.
A client may try a refused connection again by itself: refuse without a count, then clear.
"""

import time
from dataclasses import dataclass, field

AT_ONCE = {"drop", "close", "shutdown"}
ON_DELTAS = ("corrupt", "skip", "duplicate", "reorder", "delay", "malformed", "unknown", "huge_frame")
OTHERS = {
    "half_open",
    "refuse",
    "crossed",
    "http_429",
    "http_418",
    "http_5xx",
    "slow_body",
    "wrong_snapshot",
    "overlap_snapshot",
    "reject",
}
KINDS = AT_ONCE | OTHERS | set(ON_DELTAS)


@dataclass(slots=True)
class Fault:
    """Active until used `count` times (None: no bound) or `until` (monotonic seconds)."""

    kind: str
    symbol: str | None = None
    count: int | None = None
    until: float | None = None
    options: dict = field(default_factory=dict)


class Faults:
    def __init__(self):
        self.active = []
        self.used = {}

    def add(self, kind, symbol=None, count=None, seconds=None, **options):
        """Without `count` and `seconds` the fault lasts until it is cleared."""
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind!r}; there are {', '.join(sorted(KINDS))}")
        until = None if seconds is None else time.monotonic() + seconds
        fault = Fault(kind, symbol, count, until, options)
        self.active.append(fault)
        return fault

    def clear(self):
        self.active.clear()

    def find(self, kind, symbol=None):
        """An active fault that fits, or None; it is not used up."""
        now = time.monotonic()
        self.active = [fault for fault in self.active if fault.until is None or fault.until > now]
        for fault in self.active:
            if fault.kind == kind and (fault.symbol is None or symbol is None or fault.symbol == symbol):
                return fault
        return None

    def take(self, kind, symbol=None):
        """An active fault that fits, used once, or None."""
        fault = self.find(kind, symbol)
        if fault is None:
            return None
        self.used[kind] = self.used.get(kind, 0) + 1
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self.active.remove(fault)
        return fault

    def take_http(self, path):
        for kind, status in (("http_429", 429), ("http_418", 418), ("http_5xx", 503)):
            fault = self.find(kind)
            if fault and fault.options.get("path", "") in path:
                return self.take(kind), fault.options.get("status", status)
        return None, None

    def take_for_delta(self, symbol):
        """Faults that befall the next delta of a symbol, by kind."""
        taken = ((kind, self.take(kind, symbol)) for kind in ON_DELTAS)
        return {kind: fault for kind, fault in taken if fault}


def odd_frames(faults):
    """Frames that no exchange documents, to go before a delta."""
    if "malformed" in faults:
        yield '{"half": ['
    if "unknown" in faults:
        yield '{"novelty":"an unknown but well-formed frame","data":[1,2,3]}'
    if "huge_frame" in faults:
        yield '{"novelty":"' + "x" * faults["huge_frame"].options.get("size", 20 * 2**20) + '"}'


def corrupted(frame, fault, change):
    """Broken JSON, or the frame with one digit of a changed quantity or price turned into another."""
    if fault.options.get("mode", "json") == "json":
        return frame[: len(frame) * 2 // 3]
    for text in [*change.bids.values(), *change.asks.values(), *change.bids, *change.asks]:
        at = frame.find(text)
        if len(text) > 1 and at >= 0:
            last = at + len(text) - 1
            return frame[:last] + str((int(frame[last]) + 5) % 10) + frame[last + 1 :]
    return frame
