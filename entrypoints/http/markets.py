"""Exchanges, what they trade, their candles and the state of their feeds."""

from dataclasses import asdict

from quart import Quart, Response

from twap.entrypoints.http import answers, queries, wire
from twap.entrypoints.services import Services
from twap.ports.errors import InvalidField
from twap.ports.feed import FeedStatus
from twap.ports.market import BookState


class MarketRoutes:
    def __init__(self, services: Services) -> None:
        self._feed = services.feed

    def install(self, app: Quart) -> None:
        app.add_url_rule("/exchanges", "exchanges", self.exchanges, methods=["GET"])
        app.add_url_rule("/exchanges/status", "exchanges_status", self.status, methods=["GET"])
        app.add_url_rule("/klines/<exchange>/<path:symbol>", "klines", self.klines, methods=["GET"])
        app.add_url_rule("/<exchange>/symbols", "symbols", self.symbols, methods=["GET"])

    async def exchanges(self) -> Response:
        return answers.json({"exchanges": sorted(self._feed.exchanges())})

    async def status(self) -> Response:
        return answers.json({"exchanges": {each.exchange: _status(each) for each in self._feed.status()}})

    async def symbols(self, exchange: str) -> Response:
        instruments = await self._feed.instruments(self._feed.name_of(exchange))
        body = wire.encode({"symbols": sorted(instruments)})
        tag = answers.tag(body)
        return answers.unchanged(tag) or answers.tagged(body, tag)

    async def klines(self, exchange: str, symbol: str) -> Response:
        """Closed candles only: the one that is still running would change."""
        name = self._feed.name_of(exchange)
        instrument = await self._feed.instrument(name, symbol)
        interval = queries.required("interval")
        start, end = queries.time("start_time"), queries.time("end_time")
        if start >= end:
            raise InvalidField("end_time", "must be later than start_time")
        candles = await self._feed.candles(name, instrument.symbol, interval, start, end)
        klines = {wire.time_text(each.open_at): wire.candle_object(each) for each in candles if each.closed}
        return answers.json({"klines": klines})


def _status(status: FeedStatus) -> dict[str, object]:
    fields = asdict(status)
    del fields["exchange"]
    connected = status.connections > 0 or status.state == BookState.LIVE
    return {"connected": connected, **fields, "state": status.state.value}
