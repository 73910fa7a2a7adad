"""A TWAP order on recorded books: the same codecs, books, schedule, sweep and report as live orders."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from twap.domain import report
from twap.domain.execution import Books, advance, next_event_at
from twap.domain.market import Market
from twap.domain.report import Report
from twap.domain.schedule import Schedule
from twap.domain.submission import build_order
from twap.entrypoints.backtest.instruments import Sizes, find_instrument
from twap.entrypoints.backtest.replay import (
    Recording,
    ReplayClock,
    ReplayedFeed,
    micros,
    moment,
    open_recording,
)
from twap.entrypoints.recording.files import RecordingFile, exchange_of, find_files
from twap.ports.errors import TwapError
from twap.ports.exchange import Exchange
from twap.ports.market import BookState, Instrument, canonical_symbol
from twap.ports.order import Order, Slice, Ticket

USER = "backtest"


@dataclass(frozen=True, slots=True)
class Variant:
    """A ticket to be tried; symbol and exchanges still as the user wrote them."""

    name: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Outcome:
    """One variant's order as it stood at its end, or at the recording's."""

    name: str
    order: Order
    slices: Sequence[Slice]
    report: Report

    @property
    def is_whole(self) -> bool:
        return self.order.status.over


@dataclass(frozen=True, slots=True)
class Backtest:
    """first, last, started_at: of the recording's lines that were replayed, and of the orders.

    notes  what the user should know, in sentences
    """

    first: datetime
    last: datetime
    started_at: datetime
    lines: int
    outcomes: Sequence[Outcome]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Terms:
    """Where the replayed market differs from what the recording and the plugins say.

    fees     taker fee ratio by exchange
    sizes    by exchange
    """

    fees: Mapping[str, Decimal]
    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    stale_after_seconds: float = 5


def files_by_exchange(
    paths: Iterable[Path], exchanges: Sequence[str], whose: str | None = None
) -> dict[str, list[RecordingFile]]:
    """Files of exchanges that are known; those of others are left out.

    whose  the exchange of all these files, whatever their names say

    Raises TwapError where a path holds no recording.
    """
    found: dict[str, list[RecordingFile]] = {}
    for file in find_files(paths):
        name = whose or exchange_of(file.label, exchanges)
        if name is not None:
            found.setdefault(name, []).append(file)
    return found


def backtest(
    variants: Sequence[Variant],
    files: Mapping[str, Sequence[RecordingFile]],
    exchanges: Mapping[str, Exchange],
    terms: Terms,
    *,
    start: datetime | None = None,
) -> Backtest:
    """Run all variants side by side on one replay. They start together: at `start`, or as soon as the books
    of all their exchanges are live. Raises TwapError, and InvalidField for what a live order is refused for.

    files, exchanges  by the plugins' spelling; the first variant is the order itself
    """
    variants = [replace(each, ticket=_normalised(each.ticket, exchanges)) for each in variants]
    names = list(dict.fromkeys(name for each in variants for name in each.ticket.exchanges))
    missing = [name for name in names if name not in files]
    if missing:
        raise TwapError(f"no recording of {', '.join(missing)}; there are ones of: {', '.join(files) or '-'}")
    recording = open_recording({name: files[name] for name in names})
    if recording is None:
        raise TwapError("the recordings hold nothing of a feed")
    if start is not None and not recording.first <= micros(start) <= recording.last:
        raise TwapError(
            f"the start {start:%Y-%m-%dT%H:%M:%S.%fZ} is not in the recording, which goes from"
            f" {moment(recording.first):%Y-%m-%dT%H:%M:%S.%fZ} to {moment(recording.last):%H:%M:%S.%fZ}"
        )
    return _Replay(recording, variants, {name: exchanges[name] for name in names}, terms).run(start)


class _Run:
    """One order on its way. due: microseconds since 1970 of what it does next, None: nothing."""

    def __init__(self, name: str, order: Order) -> None:
        self.name, self.order = name, order
        self.slices: list[Slice] = []
        self.due: int | None = None
        self._plan(order.created_at)

    def advance(self, now: datetime, books: Books) -> None:
        step = advance(self.order, now, books)
        if step is not None:
            self.order = step.order
            self.slices += step.slices
        self._plan(now)

    def _plan(self, now: datetime) -> None:
        event = next_event_at(self.order, now)
        self.due = None if event is None else micros(event)


class _Replay:
    def __init__(
        self,
        recording: Recording,
        variants: Sequence[Variant],
        exchanges: Mapping[str, Exchange],
        terms: Terms,
    ) -> None:
        self._recording, self._variants, self._terms = recording, variants, terms
        self._symbol = variants[0].ticket.symbol
        self._clock = ReplayClock(recording.first)
        self._market = Market(self._clock, stale_after_seconds=terms.stale_after_seconds)
        self._notes = recording.damages()
        self._instruments: dict[str, Instrument] = {}
        self._feeds: dict[str, ReplayedFeed] = {}
        for name, exchange in exchanges.items():
            found = find_instrument(recording, exchange, self._symbol, terms.sizes.get(name, Sizes()))
            self._notes += [found.note] if found.note else []
            self._instruments[name] = found.instrument
            self._feeds[name] = ReplayedFeed(exchange, found.instrument, self._market, self._clock)
        self._runs: list[_Run] = []
        self._due: int | None = None

    def run(self, start: datetime | None) -> Backtest:
        clock, feeds = self._clock, self._feeds
        start_at = None if start is None else micros(start)
        lines = 0
        for exchange, kind, line in self._recording.lines():
            at = line.at
            if start_at is not None and not self._runs and at >= start_at:
                self._begin(start_at)
            if self._due is not None and self._due <= at:
                self._advance_until(at)
                if self._due is None:
                    break  # all orders are over
            clock.at = max(at, clock.at)
            lines += 1
            feeds[exchange].take(kind, line)
            if start_at is None and not self._runs and self._is_live():
                self._begin(clock.at)
        if not self._runs:
            raise TwapError(f"no order could start: {self._standing()}")
        return self._result(lines)

    def _is_live(self) -> bool:
        return all(self._market.source(name, self._symbol).state is BookState.LIVE for name in self._feeds)

    def _begin(self, at: int) -> None:
        """Raises InvalidField."""
        self._clock.at = at
        now = self._clock.now()
        for number, variant in enumerate(self._variants):
            ticket = replace(variant.ticket, start_at=None)
            order = build_order(
                ticket,
                [self._instruments[name] for name in ticket.exchanges],
                order_id=_order_id(number, ticket, at),
                user_id=USER,
                now=now,
                fees=self._terms.fees,
            )
            self._runs.append(_Run(variant.name, order))
        self._advance_until(at)

    def _advance_until(self, at: int) -> None:
        """Do what is due up to that moment, each at its own time: nothing is ever late."""
        while (due := min((run.due for run in self._runs if run.due is not None), default=None)) is not None:
            if due > at:
                break
            self._clock.at = max(due, self._clock.at)
            now = self._clock.now()
            for run in self._runs:
                if run.due is not None and run.due <= due:
                    run.advance(now, self._market.at_once())
        self._due = due

    def _result(self, lines: int) -> Backtest:
        outcomes = [
            Outcome(run.name, run.order, run.slices, report.build(run.order, run.slices))
            for run in self._runs
        ]
        started_at, last = outcomes[0].order.starts_at, moment(self._recording.last)
        notes = [*self._notes, *(f"{run.name}: {text}" for run in self._runs for text in run.order.warnings)]
        notes += [_cut_short(each, last) for each in outcomes if not each.is_whole]
        return Backtest(moment(self._recording.first), last, started_at, lines, outcomes, notes)

    def _standing(self) -> str:
        """Why not all books were live at any time, exchange by exchange."""
        parts = []
        for name, feed in self._feeds.items():
            source, counts = self._market.source(name, self._symbol), feed.counts
            trouble = f"; first trouble: {counts.trouble}" if counts.trouble else ""
            parts.append(
                f"{name} ended {source.state.value} ({source.reason or 'a book was there'}) after"
                f" {counts.frames} frames with {counts.changes} changes of {self._symbol}{trouble}"
            )
        return "; ".join(parts)


def _normalised(ticket: Ticket, exchanges: Mapping[str, Exchange]) -> Ticket:
    by_key = {name.casefold(): name for name in exchanges}
    unknown = [name for name in ticket.exchanges if name.casefold() not in by_key]
    if unknown:
        raise TwapError(f"no plugin gives {', '.join(unknown)}; installed: {', '.join(sorted(exchanges))}")
    names = tuple(by_key[name.casefold()] for name in ticket.exchanges)
    return replace(ticket, symbol=canonical_symbol(ticket.symbol), exchanges=names)


def _order_id(number: int, ticket: Ticket, at: int) -> str:
    """The same for the same order on the same recording."""
    return hashlib.sha256(f"{number}/{at}/{ticket!r}".encode()).hexdigest()[:32]


def _cut_short(outcome: Outcome, last: datetime) -> str:
    order = outcome.order
    ends_at = Schedule.of(order).ends_at
    longest = (last - order.starts_at).total_seconds()
    return (
        f"{outcome.name}: the recording ends at {last:%H:%M:%S.%f} UTC, before the order would at"
        f" {ends_at:%H:%M:%S.%f}: {order.progress.slices_done} of {order.slices_total} slices were made, and"
        f" the report is as if it ended there. The longest duration from this start is {longest:.3f} s"
    )
