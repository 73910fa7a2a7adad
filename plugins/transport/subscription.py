"""One book that is fed."""

import asyncio
from typing import Protocol

import structlog

from twap.plugins.transport.backoff import Repetition
from twap.plugins.transport.counters import Counters
from twap.ports.events import Delta, Snapshot
from twap.ports.feed import BookInput, Cause, Pulse
from twap.ports.market import BookState, Instrument

OLD_SNAPSHOT_SECONDS = 0.2
OLD_SNAPSHOT_MOST_SECONDS = 5.0
REFILL_MOST_SECONDS = 0.5
"""A market that runs away from its snapshot needs refills again and again: no fault, so hardly delayed."""


class Carrier(Protocol):
    """The connection that carries a book. Each is used once: it tells a book's lives apart."""

    pulse: Pulse

    def resubscribe(self, subscription: "Subscription", reason: str) -> None: ...


class Subscription:
    """A book, who uses it, and how far its feed has come on the present connection.

    users      acquisitions that were not released
    carrier    the open connection, or None while there is none
    last       newest event that went to the book on this connection
    confirmed  the exchange said that it accepted the subscription
    unseeded   a REST snapshot has yet to be asked for
    asked_at   monotonic seconds of the subscription that nothing came of so far, or None
    refused_at monotonic seconds of a refusal, or None
    runs_low   the book is true, but needs a new snapshot before its known levels are gone
    remedy     the task that makes this book true again, while it runs
    """

    __slots__ = (
        "_away",
        "_old_snapshots",
        "_refills",
        "_repetition",
        "asked_at",
        "book",
        "carrier",
        "confirmed",
        "counters",
        "instrument",
        "last",
        "native",
        "refused_at",
        "remedy",
        "runs_low",
        "unseeded",
        "users",
    )

    book: BookInput

    def __init__(self, instrument: Instrument, counters: Counters) -> None:
        self.instrument, self.native = instrument, instrument.native
        self.counters = counters
        self.users = 1
        self.carrier: Carrier | None = None
        self.remedy: asyncio.Task[None] | None = None
        self._away = False
        self._repetition = Repetition(0.0)
        self._old_snapshots = Repetition(OLD_SNAPSHOT_SECONDS, OLD_SNAPSHOT_MOST_SECONDS)
        self._refills = Repetition(0.0, REFILL_MOST_SECONDS)
        self._restart()

    def _restart(self) -> None:
        self.last: Delta | Snapshot | None = None
        self.confirmed = False
        self.unseeded = True
        self.runs_low = False
        self.asked_at: float | None = None
        self.refused_at: float | None = None

    # -- what happens to its connection

    def connected(self, carrier: Carrier) -> None:
        self.drop_remedy()
        self._restart()
        self.carrier = carrier
        self.renew()

    def renew(self) -> None:
        """Tell the book to begin anew on the connection that it has."""
        if self.carrier is None:
            return
        self._away = False
        try:
            self.book.connected(self.carrier.pulse)
        except Exception as error:  # noqa: BLE001 its neighbours on this connection go on
            self.fault(error)

    def disconnected(self) -> None:
        self.drop_remedy()
        self.carrier = None

    def interrupted(self, state: BookState, reason: str) -> None:
        self._away = state is BookState.DOWN
        self.runs_low = False
        try:
            self.book.interrupted(state, reason)
        except Exception as error:  # noqa: BLE001 as above
            self.fault(error)

    @property
    def away(self) -> bool:
        """The book was told DOWN: it keeps nothing until it is told of a connection again."""
        return self._away

    # -- events that are not on the fast way

    def snapshot(self, event: Snapshot) -> bool:
        """False: the book has a fault."""
        self.asked_at = None
        if (self.sequence or 0) <= event.sequence:  # one by REST may be older than the changes it is for
            self.last = event
        try:
            self.book.snapshot(event)
        except Exception as error:  # noqa: BLE001 as above
            self.fault(error)
            return False
        for repetition in (self._repetition, self._old_snapshots, self._refills):
            repetition.worked()
        return True

    def fault(self, error: Exception) -> None:
        self.counters.book_faults += 1
        structlog.get_logger().error(
            "book failed",
            exchange=self.instrument.exchange,
            symbol=self.instrument.symbol,
            error=repr(error),
        )

    # -- remedies

    def doubt(self, cause: Cause) -> None:
        """A snapshot that was too old leaves a true book true, and an untrue one untrue."""
        if cause is not Cause.OLD_SNAPSHOT:
            self.runs_low = cause is Cause.SHALLOW

    @property
    def in_remedy(self) -> bool:
        return self.remedy is not None and not self.remedy.done()

    def drop_remedy(self) -> None:
        remedy, self.remedy = self.remedy, None
        if remedy is not None:
            remedy.cancel()

    def delay(self, cause: Cause, now: float) -> float:
        """Seconds to wait before the next remedy for this cause."""
        match cause:
            case Cause.OLD_SNAPSHOT:
                return self._old_snapshots.delay(now)
            case Cause.SHALLOW:
                return self._refills.delay(now)
        return self._repetition.delay(now)

    @property
    def sequence(self) -> int | None:
        """Of the last change that went to the book on this connection."""
        last = self.last
        if last is None:
            return None
        return last.last if isinstance(last, Delta) else last.sequence
