"""Past candles: a range is fetched page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from twap.plugins.transport.venue import Venue, reading
from twap.plugins.transport.waiting import SingleFlight
from twap.ports.errors import InvalidField, UnknownInterval
from twap.ports.market import Candle, Instrument
from twap.ports.transport import HttpRequest

MOST_CANDLES = 200_000
SHORTEST_MONTH = timedelta(days=28)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CandleHistory:
    """Candles of one exchange."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._flight: SingleFlight[tuple[str, str, datetime, datetime], Sequence[Candle]] = SingleFlight()

    async def between(
        self, instrument: Instrument, interval: str, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Ascending, start <= open < end, each once. Raises UnknownInterval, InvalidField,
        ExchangeUnavailable, UpstreamError."""
        span = self.span(interval)
        self._check(span, start, end)
        key = (instrument.native, interval, start, end)
        return await self._flight.run(key, lambda: self._fetch(instrument, interval, span, start, end))

    def span(self, interval: str) -> timedelta:
        """How long an interval is, a month at the least. Raises UnknownInterval."""
        intervals = self._venue.exchange.intervals
        if interval not in intervals:
            raise UnknownInterval(interval, intervals)
        return intervals[interval]

    def _check(self, span: timedelta, start: datetime, end: datetime) -> None:
        if start >= end:
            raise InvalidField("end_time", "must be later than start_time")
        if (end - start) / span > MOST_CANDLES:
            latest = _iso(start + MOST_CANDLES * span)
            raise InvalidField(
                "end_time", f"at most {MOST_CANDLES} candles at once: for this start, up to {latest}"
            )
        history = self._venue.exchange.candle_history
        if history is None:
            return
        newest = _EPOCH + (self._venue.clock.now() - _EPOCH) // span * span
        earliest = newest - (history - 1) * span
        if start <= earliest - span:
            raise InvalidField(
                "start_time",
                f"{self._venue.name} keeps the last {history} candles of an interval: "
                f"the earliest available is {_iso(earliest)}",
            )

    async def _fetch(
        self, instrument: Instrument, interval: str, span: timedelta, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        venue, found = self._venue, dict[datetime, Candle]()
        newest = min(end, venue.clock.now() + span)
        for first, last in _pages(start, newest, span * max(1, venue.exchange.candles_per_request)):
            with reading(venue.name):
                request = venue.exchange.candles_request(instrument, interval, first, last)
            page = await self._page(request, instrument, interval, first, last)
            if request.beside is not None and len(page) < (last - first) // span:
                page |= await self._page(request.beside, instrument, interval, first, last)
            found |= page
        now = venue.clock.now()
        return [_marked(found[open_at], span, now) for open_at in sorted(found)]

    async def _page(
        self, request: HttpRequest, instrument: Instrument, interval: str, first: datetime, last: datetime
    ) -> dict[datetime, Candle]:
        body = await self._venue.rest.fetch(request)
        with reading(self._venue.name):
            rows = self._venue.exchange.candles(body, instrument, interval)
            return {row.open_at: row for row in rows if first <= row.open_at < last}


def _pages(start: datetime, end: datetime, length: timedelta) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, min(start + length, end)
        start += length


def _marked(candle: Candle, span: timedelta, now: datetime) -> Candle:
    """With `closed` False while its interval runs, whatever the exchange says."""
    if candle.closed and _end(candle.open_at, span) > now:
        return replace(candle, closed=False)
    return candle


def _end(open_at: datetime, span: timedelta) -> datetime:
    if span < SHORTEST_MONTH:
        return open_at + span
    return (open_at.replace(day=1) + timedelta(days=32)).replace(day=1)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
