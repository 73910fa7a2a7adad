"""HTTP requests to one exchange, within its rate limit and with its "come back later" obeyed."""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from twap.plugins.transport.backoff import Backoff
from twap.plugins.transport.limiter import Limiter
from twap.ports.clock import Clock
from twap.ports.errors import ExchangeUnavailable, UpstreamError
from twap.ports.ids import Ids
from twap.ports.transport import HttpRequest, HttpResponse, Transport

TIMEOUT_SECONDS = 15.0
PATIENCE_SECONDS = 5.0
"""A pause that ends within this is waited for; a longer one fails a request at once."""
LONGEST_PAUSE_SECONDS = 24 * 3600.0
MOST_AT_ONCE = 8

_PAUSES = {403: 10.0, 418: 120.0, 429: 5.0}
"""Seconds, where such an answer says nothing itself: Bybit bans with 403, Binance with 418."""


class RestClient:
    """reached: True after an answer, False after a failure, None before the first; reason: of the failure."""

    def __init__(
        self, name: str, base: str, transport: Transport, clock: Clock, ids: Ids, limit: tuple[int, float]
    ) -> None:
        self.reached: bool | None = None
        self.reason: str | None = None
        self._name, self._base = name, base
        self._transport, self._clock, self._ids = transport, clock, ids
        self._limiter = Limiter(clock, *limit)
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        self._paused_until = 0.0

    def pause_left(self) -> float:
        """Seconds until the exchange wants to hear from us again."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    async def fetch(self, request: HttpRequest, *, attempts: int = 3) -> bytes:
        """The body of a 2xx answer. GETs are tried again after faults of the network and of the server.

        Raises ExchangeUnavailable, and UpstreamError where trying again would not help.
        """
        attempts = attempts if request.method == "GET" else 1
        backoff = Backoff(self._ids)
        while True:
            attempts -= 1
            try:
                body = await self._try(request)
            except ExchangeUnavailable as error:
                self.reached, self.reason = False, error.reason
                if attempts <= 0 or self.pause_left() > PATIENCE_SECONDS:
                    raise
                await self._clock.sleep(backoff.next())
            else:
                self.reached, self.reason = True, None
                return body

    async def _try(self, request: HttpRequest) -> bytes:
        async with self._at_once:
            await self._wait_out_pause()
            await self._limiter.take(request.weight)
            await self._wait_out_pause()
            try:
                response = await self._transport.request(self._base, request, TIMEOUT_SECONDS)
            except (OSError, TimeoutError) as error:
                raise ExchangeUnavailable(self._name, str(error) or type(error).__name__) from error
        if 200 <= response.status < 300:
            return response.body
        raise self._refusal(response)

    async def _wait_out_pause(self) -> None:
        while (pause := self.pause_left()) > 0:
            if pause > PATIENCE_SECONDS:
                raise ExchangeUnavailable(
                    self._name, f"it asked us to stay away for {math.ceil(pause)} s more", math.ceil(pause)
                )
            await self._clock.sleep(pause)

    def _refusal(self, response: HttpResponse) -> Exception:
        status = response.status
        wanted = pause_asked_for(response.headers, self._clock.now())
        pause = wanted if wanted is not None else _PAUSES.get(status, 0.0)
        if status in _PAUSES or status >= 500:
            self._paused_until = max(self._paused_until, self._clock.monotonic() + pause)
            return ExchangeUnavailable(self._name, f"HTTP {status}", math.ceil(self.pause_left()) or 5)
        self.reached, self.reason = True, None
        return UpstreamError(self._name, f"HTTP {status}: {_excerpt(response.body)}".rstrip(": "))


def pause_asked_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (a number or an HTTP date, RFC 9110, 10.2.3), a day at most;
    None where there is none."""
    text = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return min(float(text), LONGEST_PAUSE_SECONDS)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
    return min(max(0.0, (date - now).total_seconds()), LONGEST_PAUSE_SECONDS)


def _excerpt(body: bytes) -> str:
    """The beginning of a machine's answer; pages for people say nothing here."""
    text = body[:200].decode(errors="replace").strip()
    return " ".join(text.split()) if text.startswith(("{", "[")) else ""
