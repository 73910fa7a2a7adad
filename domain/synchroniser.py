"""Keeps one book true to its exchange: snapshot, deltas, gaps. One state machine; the rules are data.

    connected ──► SYNCING ──snapshot, buffered deltas spliced──► LIVE ──gap, checksum, crossed──► SYNCING
                     ▲                                             │
                     └──────────── interrupted (or DOWN) ◄─────────┘

LIVE ages into STALE on reading when the connection gave no sign of life for too long.
"""

from collections import deque
from dataclasses import dataclass

from twap.domain.book import BadLevel, OrderBook, PriceTexts
from twap.domain.summed_book import SummedBook
from twap.ports.events import Delta, Snapshot, WireTime
from twap.ports.exchange import BookRules
from twap.ports.feed import Cause, Healer, Pulse
from twap.ports.market import BookState, Instrument

_MOST_BUFFERED = 20_000
_MOST_BEHIND_MS = 3_000
_MOST_BEHIND = 1_000
"""How long, by the exchange's own time, and for how many changes a stream may still repeat what the snapshot
held. One that stays behind has begun to count anew, or the snapshot's number was wrong."""
_QUIET_SECONDS = 1.0
"""A stream that has not reached the snapshot is waited for until it is silent for so long: numbers may be
used up without a change."""
BAD_LEVELS = (BadLevel, TypeError, IndexError, AttributeError)
"""What a level raises that is no pair of plain numbers as text."""


@dataclass(slots=True)
class SyncCounters:
    """What happened to one book since it was opened."""

    applied: int = 0
    repeated: int = 0
    gaps: int = 0
    checksum_failures: int = 0
    malformed: int = 0
    crossed: int = 0
    refills: int = 0


class Synchroniser:
    """Implements twap.ports.feed.BookInput for one instrument.

    book           true while `is_true`; never to be shown otherwise
    exchange_time  of the last event applied, as the exchange wrote it
    """

    def __init__(self, instrument: Instrument, rules: BookRules, prices: PriceTexts, heal: Healer) -> None:
        self.instrument = instrument
        self.rules = rules
        self._is_contiguous, self._kept_depth = rules.contiguous, rules.kept_depth  # read at every change
        self.counters = SyncCounters()
        self.reason: str | None = "not connected yet"
        self.exchange_time: WireTime = None
        self._prices = prices
        self._heal = heal
        self._pulse: Pulse | None = None
        self._fallback = BookState.SYNCING
        self._buffer: deque[Delta] | None = None
        self._version = 0
        self._sums_come_later = False
        self._seeded_at = self._newest_first = self._behind = 0
        self._behind_since: WireTime = None
        self._ahead: Snapshot | None = None
        self._quiet_since: float | None = None
        self.is_true = False
        self.book = self._empty_book()

    def _empty_book(self, *, summed: bool = False) -> OrderBook:
        checksum = self.rules.checksum
        return SummedBook(self._prices, checksum) if checksum and summed else OrderBook(self._prices)

    # -- what the feed engine reports

    def connected(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._distrust(BookState.SYNCING, "waiting for the first snapshot")
        self._buffer = deque() if self.rules.snapshot_by_rest else None

    def interrupted(self, state: BookState, reason: str) -> None:
        self._distrust(state, reason)
        if state is BookState.DOWN:
            self._pulse = None
        elif self.rules.snapshot_by_rest and self._pulse is not None:
            self._buffer = deque()

    def snapshot(self, event: Snapshot) -> None:
        if self._pulse is None:
            return
        nobody_asked = self._buffer is None and self.is_true and self.rules.snapshot_by_rest
        if nobody_asked and event.sequence <= self.book.sequence:
            return
        fresh = self._empty_book(summed=self._sums_come_later or event.checksum is not None)
        try:
            fresh.apply(event.bids, event.asks, event.sequence)
        except BAD_LEVELS as error:
            self._malformed(error)
            return
        if self.rules.seed_depth is not None:
            fresh.set_horizon(self.rules.seed_depth)
        if self.rules.kept_depth is not None:
            fresh.cut(self.rules.kept_depth)
        self._splice(fresh, event)

    def delta(self, event: Delta) -> None:
        """Apply it, if the book is true up to its sequence; else the book is no longer true."""
        if self._buffer is not None:
            self._keep(event)
            if self._buffer is None:
                return  # with it, a snapshot that waited for it was brought up to date
        book = self.book
        if self.is_true:
            if (
                self._is_contiguous
                and event.first != book.sequence + 1
                and not self._holds(event, book.sequence + 1)
            ):
                return
            bids, asks = event.bids, event.asks
            try:
                # `book.apply`, without a call: nothing else of ours happens as often.
                if bids:
                    book.bids.apply(bids, self._prices)
                if asks:
                    book.asks.apply(asks, self._prices)
            except BAD_LEVELS as error:
                self._malformed(error)
                return
            book.sequence = event.last
            book.version += 1
            self._newest_first = event.first
            self.counters.applied += 1
            if self._kept_depth is not None:
                book.cut(self._kept_depth)
            if event.checksum is not None and not self._checks(book, event.checksum):
                return
        self.exchange_time = event.exchange_time

    # -- rules

    def _holds(self, event: Delta, expected: int) -> bool:
        """Whether a delta that does not begin with the expected change holds it all the same. If it does not,
        it is old and is passed over, or there is a gap."""
        drops_old = self.rules.drops_old
        if drops_old and event.last < expected and self._is_repetition(event):
            self.counters.repeated += 1
            self.exchange_time = event.exchange_time
            return False
        if event.first > expected or event.last < expected or not drops_old:
            self.counters.gaps += 1
            self._broken(Cause.GAP, f"expected change {expected}, got {event.first}", event)
            return False
        return True

    def _is_repetition(self, event: Delta) -> bool:
        """Of the newest delta; before the first one, of what the snapshot held. Any other old one shows that
        a number was damaged and that the changes in between were skipped, or that counting began anew."""
        if self._newest_first:
            return event.first == self._newest_first
        return event.first <= self._seeded_at and self._catches_up(event.exchange_time)

    def _catches_up(self, time: WireTime) -> bool:
        """A stream is at most moments behind the snapshot."""
        self._behind += 1
        if self._behind == 1:
            self._behind_since = time
        since = self._behind_since
        late = isinstance(time, int) and isinstance(since, int) and time - since > _MOST_BEHIND_MS
        return not late and self._behind <= _MOST_BEHIND

    def _checks(self, book: OrderBook, wanted: int) -> bool:
        if self.rules.checksum is None:
            return True
        if not isinstance(book, SummedBook):
            self._sums_come_later = True  # the next snapshot is prepared for them
            self._broken(Cause.CHECKSUM, "a change has a checksum, the snapshot had none")
            return False
        found = book.checksum()
        if found == wanted:
            return True
        self.counters.checksum_failures += 1
        self._broken(Cause.CHECKSUM, f"checksum {wanted} does not fit the book ({found})")
        return False

    def _splice(self, fresh: OrderBook, event: Snapshot) -> None:
        """Install a snapshot, if it is good, and bring it up to date with the deltas kept since."""
        if event.checksum is not None and not self._checks(fresh, event.checksum):
            return
        self._ahead = None
        if self._buffer and self._buffer[-1].last < event.sequence:
            self._wait_with(event)
            return
        later = [delta for delta in self._buffer or () if delta.last > event.sequence]
        if later and later[0].first > event.sequence + 1:
            if not self.is_true:
                self.reason = "the snapshot is older than the first change kept"
            self._heal(Cause.OLD_SNAPSHOT, f"snapshot {event.sequence}, first change {later[0].first}")
            return
        went_back = self.rules.snapshot_by_rest and event.sequence < self.book.sequence
        if not later and self.is_true and went_back:
            self._heal(Cause.OLD_SNAPSHOT, f"snapshot {event.sequence}, book {self.book.sequence}")
            return
        self.book, self._seeded_at, self.exchange_time = fresh, event.sequence, event.exchange_time
        self._newest_first = self._behind = 0
        self.is_true, self.reason, self._buffer = True, None, None
        self._version += 1
        for delta in later:
            self.delta(delta)
            if not self.is_true:
                return

    def _wait_with(self, event: Snapshot) -> None:
        """The changes kept end before this snapshot: its number is proven when the stream gets there."""
        self._ahead, self._quiet_since, self._behind = event, None, 0
        if not self.is_true:
            self.reason = "the stream has yet to reach the snapshot"

    def _wait_no_longer(self, ahead: Snapshot, now: float) -> None:
        """For a stream that says no more."""
        if self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since >= _QUIET_SECONDS:
            self._buffer = deque()  # what was kept is all older
            self.snapshot(ahead)

    def _keep(self, event: Delta) -> None:
        buffer = self._buffer
        if buffer is None:
            return
        buffer.append(event)
        if (ahead := self._ahead) is not None:
            self._quiet_since = None
            if event.last >= ahead.sequence:
                self.snapshot(ahead)
                return
            if not self._catches_up(event.exchange_time):
                self._ahead = None
                self._heal(Cause.OLD_SNAPSHOT, f"snapshot {ahead.sequence}, stream {event.last}")
                return
        if len(buffer) > _MOST_BUFFERED:
            buffer.clear()
            if not self.is_true:
                self.reason = "too many changes while waiting for a snapshot"
            self._heal(Cause.OLD_SNAPSHOT, f"more than {_MOST_BUFFERED} changes kept")

    # -- distrust

    def _distrust(self, state: BookState, reason: str) -> None:
        self.is_true = False
        self._fallback, self.reason = state, reason
        self._buffer = self._ahead = None
        self.exchange_time = None
        self._version += 1
        self.book = self._empty_book()

    def _broken(self, cause: Cause, reason: str, first_kept: Delta | None = None) -> None:
        self._distrust(BookState.SYNCING, f"{cause.value}: {reason}")
        if self.rules.snapshot_by_rest:
            self._buffer = deque() if first_kept is None else deque((first_kept,))
        self._heal(cause, reason)

    def _malformed(self, error: Exception) -> None:
        self.counters.malformed += 1
        self._broken(Cause.MALFORMED, str(error))

    # -- reading

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever what can be read here changes."""
        return self._version, self.book.version

    def state(self, now: float, stale_after_seconds: float) -> BookState:
        """May this book be shown, and filled against, at `now` (monotonic seconds)? Notices a crossed
        book and one that has lost its depth, and asks for the remedy."""
        if self._ahead is not None:
            self._wait_no_longer(self._ahead, now)
        if not self.is_true:
            return self._fallback
        age = self.age_seconds(now)
        if age is None or age > stale_after_seconds:
            return BookState.STALE
        if self.book.crossed:
            self.counters.crossed += 1
            bid, ask = self.book.bids.best(1)[0].price, self.book.asks.best(1)[0].price
            self._broken(Cause.CROSSED, f"best bid {bid:f}, best ask {ask:f}")
            return BookState.SYNCING
        return self._state_by_depth()

    def _state_by_depth(self) -> BookState:
        """A book seeded with N levels a side shrinks as the market moves: refill before it is empty."""
        sides = (self.book.bids, self.book.asks)
        known = [side.known_count() for side in sides if side.horizon is not None]
        if not known or min(known) >= self.rules.refill_below:
            return BookState.LIVE
        if self._buffer is None:
            self.counters.refills += 1
            self._buffer = deque()
            self._heal(Cause.SHALLOW, f"{min(known)} known levels left")
        if min(known):
            return BookState.LIVE
        self.reason = "a side has no known level left: waiting for a new snapshot"
        return BookState.SYNCING

    def age_seconds(self, now: float) -> float | None:
        """Since the connection's last sign of life."""
        return None if self._pulse is None else max(0.0, now - self._pulse.seen_at)
