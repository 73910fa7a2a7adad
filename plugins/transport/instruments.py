"""What an exchange trades: fetched once, kept, renewed in the background."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from twap.plugins.transport.venue import Venue, reading
from twap.plugins.transport.waiting import SingleFlight
from twap.ports.errors import AmbiguousSymbol, TwapError, UnknownSymbol, UpstreamError
from twap.ports.market import Instrument, canonical_symbol

FRESH_SECONDS = 3600.0
UNKNOWN_SECONDS = 60.0
"""A symbol that a list older than this lacks may have been added since: it is fetched again, for those who
ask later. Nobody waits: most such symbols are misspelt."""
FAILURE_KEPT_SECONDS = 1.5
LARGE_BODY_BYTES = 2**18


class Catalog:
    """The tradable instruments of one exchange, by canonical symbol."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._flight: SingleFlight[str, None] = SingleFlight()
        self._known: Mapping[str, Instrument] | None = None
        self._ambiguous: Mapping[str, Sequence[str]] = {}
        self._fetched_at = 0.0
        self._failure: TwapError | None = None
        self._failed_at = 0.0
        self._renewal: asyncio.Task[None] | None = None

    async def all(self) -> Mapping[str, Instrument]:
        """Raises ExchangeUnavailable or UpstreamError where nothing is known yet and nothing can be."""
        known = self._known
        if known is None:
            await self._fetch_once()
            known = self._known or {}
        elif self._venue.clock.monotonic() - self._fetched_at >= FRESH_SECONDS:
            self._renew()
        return known

    async def one(self, symbol: str) -> Instrument:
        """Raises UnknownSymbol, AmbiguousSymbol besides."""
        key = canonical_symbol(symbol)
        found = (await self.all()).get(key)
        if found is not None:
            return found
        if key in self._ambiguous:
            raise AmbiguousSymbol(key, self._venue.name, self._ambiguous[key])
        if self._venue.clock.monotonic() - self._fetched_at >= UNKNOWN_SECONDS:
            self._renew()
        raise UnknownSymbol(symbol, self._venue.name)

    def _renew(self) -> None:
        failed_lately = self._failure is not None and self._age_of_failure() < FRESH_SECONDS / 60
        if not failed_lately and (self._renewal is None or self._renewal.done()):
            self._renewal = self._venue.jobs.start(self._renewed(), f"{self._venue.name}: renew instruments")

    async def _renewed(self) -> None:
        try:
            await self._fetch_once()
        except TwapError as error:
            structlog.get_logger().warning(
                "old instruments are kept", exchange=self._venue.name, reason=str(error)
            )

    def _age_of_failure(self) -> float:
        return self._venue.clock.monotonic() - self._failed_at

    async def _fetch_once(self) -> None:
        if self._failure is not None and self._age_of_failure() < FAILURE_KEPT_SECONDS:
            raise self._failure
        await self._flight.run("instruments", self._fetch)

    async def _fetch(self) -> None:
        venue = self._venue
        try:
            with reading(venue.name):
                request = venue.exchange.instruments_request()
            body = await venue.rest.fetch(request)
            with reading(venue.name):
                self._keep(await self._read(body))
        except TwapError as error:
            self._failure, self._failed_at = error, venue.clock.monotonic()
            raise
        self._failure = None

    async def _read(self, body: bytes) -> Sequence[Instrument]:
        """Megabytes of JSON would hold up every feed: a thread reads them."""
        if len(body) < LARGE_BODY_BYTES:
            return self._venue.exchange.instruments(body)
        return await asyncio.to_thread(self._venue.exchange.instruments, body)

    def _keep(self, instruments: Sequence[Instrument]) -> None:
        by_symbol: dict[str, dict[str, Instrument]] = {}
        for instrument in instruments:
            by_symbol.setdefault(instrument.symbol, {})[instrument.native] = instrument
        if not by_symbol:
            raise UpstreamError(self._venue.name, "it lists no tradable instrument")
        self._known = {
            symbol: next(iter(same.values())) for symbol, same in sorted(by_symbol.items()) if len(same) == 1
        }
        self._ambiguous = {symbol: sorted(same) for symbol, same in by_symbol.items() if len(same) > 1}
        self._fetched_at = self._venue.clock.monotonic()
