"""`TwapClient`: a method for each thing that the server can do."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from twap.entrypoints.client.exact_json import Json
from twap.entrypoints.client.http import HttpClient
from twap.entrypoints.client.live import OrderStates, book_updates
from twap.entrypoints.client.tokens import MemoryKeeper, TokenKeeper, Tokens
from twap.entrypoints.http.wire import time_text
from twap.ports.market import canonical_symbol

DEFAULT_URL = "http://127.0.0.1:8000"
Number = Decimal | int | str
"""A number of a request; text is taken digit by digit."""


class TwapClient:
    """The server at `url`. Every method raises ApiError and ServerUnreachable.

    token   an access token; `log_in` gets one, and renews it as long as the client lives
    keeper  where the tokens are kept instead of in memory
    """

    def __init__(
        self, url: str = DEFAULT_URL, token: str | None = None, *, keeper: TokenKeeper | None = None
    ) -> None:
        self._http = HttpClient(url, keeper or MemoryKeeper(None if token is None else Tokens(token)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.close()

    # -- accounts

    async def register(self, username: str, password: str) -> None:
        await self._http.request("POST", "/register", body={"username": username, "password": password})

    async def log_in(self, username: str, password: str) -> None:
        """From now on requests carry this user's token."""
        answer = await self._http.request("POST", "/login", body={"username": username, "password": password})
        self._http.login.begin(answer.json())

    async def log_out(self) -> None:
        """The tokens of this login are dead from now on."""
        await self._http.request("POST", "/logout", signed=True)
        self._http.login.end()

    async def unregister(self) -> None:
        """Delete the account; its running orders are cancelled first."""
        await self._http.request("DELETE", "/unregister", signed=True)
        self._http.login.end()

    # -- markets

    async def exchanges(self) -> list[str]:
        names: list[str] = (await self._get("/exchanges"))["exchanges"]
        return names

    async def exchange_status(self) -> dict[str, Json]:
        """The state of each exchange's feeds, by name."""
        status: dict[str, Json] = (await self._get("/exchanges/status"))["exchanges"]
        return status

    async def symbols(self, exchange: str) -> list[str]:
        symbols: list[str] = (await self._get(f"/{_part(exchange)}/symbols"))["symbols"]
        return symbols

    async def klines(
        self, exchange: str, symbol: str, interval: str, start: datetime | str, end: datetime | str
    ) -> dict[str, Json]:
        """Closed candles by the time at which they open, start <= time < end, ascending."""
        query = {"interval": interval, "start_time": _time(start), "end_time": _time(end)}
        answer = await self._http.request(
            "GET", f"/klines/{_part(exchange)}/{_part(canonical_symbol(symbol))}", query=query
        )
        klines: dict[str, Json] = answer.json()["klines"]
        return klines

    def book(self, symbol: str, exchanges: Iterable[str], depth: int = 10) -> AsyncGenerator[Json, None]:
        """The consolidated book once a second, for ever; a broken connection is made anew.

        Raises StreamRefused for an unknown exchange or symbol.
        """
        return book_updates(self._http, symbol, list(exchanges), depth)

    # -- orders

    async def submit(
        self,
        *,
        symbol: str,
        side: str,
        total_quantity: Number,
        limit_price: Number,
        duration_seconds: Number,
        exchanges: Sequence[str],
        **options: Any,
    ) -> Json:
        """Submit a TWAP order, and return it.

        options  slice_interval_seconds, client_order_id, start_at, randomize, max_participation, catch_up,
                 latency_ms, fees: as in `POST /orders/twap`
        """
        body = {
            "symbol": symbol,
            "side": side,
            "total_quantity": total_quantity,
            "limit_price": limit_price,
            "duration_seconds": duration_seconds,
            "exchanges": list(exchanges),
            **{name: value for name, value in options.items() if value is not None},
        }
        accepted = (await self._http.request("POST", "/orders/twap", body=body, signed=True)).json()
        return await self.order(accepted["order_id"])

    async def orders(
        self, *, status: str | None = None, symbol: str | None = None, page_size: int = 100
    ) -> AsyncGenerator[Json, None]:
        """The caller's orders, newest first, read page by page as they are asked for."""
        asked = {"status": status, "symbol": symbol, "limit": str(page_size)}
        query = {name: value for name, value in asked.items() if value is not None}
        answer = await self._http.request("GET", "/orders", query=query, signed=True)
        while True:
            for order in answer.json():
                yield order
            if answer.next_page is None:
                return
            answer = await self._http.request("GET", answer.next_page, signed=True)

    async def order(self, order_id: str) -> Json:
        """With its `executions`."""
        return await self._order("GET", order_id)

    async def cancel(self, order_id: str) -> Json:
        """Cancels what is left; what was filled stays."""
        return await self._order("DELETE", order_id)

    async def pause(self, order_id: str) -> Json:
        return await self._order("POST", order_id, "/pause")

    async def resume(self, order_id: str) -> Json:
        return await self._order("POST", order_id, "/resume")

    async def report(self, order_id: str) -> Json:
        """Execution quality; positive slippage is a cost."""
        return await self._order("GET", order_id, "/report")

    async def report_text(self, order_id: str, form: str) -> str:
        """The report as `html` (a page of its own) or `csv` (the executions)."""
        path = f"/orders/{_part(order_id)}/report"
        return (await self._http.request("GET", path, query={"format": form}, signed=True)).body.decode()

    async def explain(self, order_id: str, slice_number: int) -> Json:
        """What the slice looked at, and how each fill follows from it."""
        path = f"/orders/{_part(order_id)}/explain"
        explained: Json = (
            await self._http.request("GET", path, query={"slice": str(slice_number)}, signed=True)
        ).json()
        return explained

    def watch(self, order_id: str) -> AsyncGenerator[Json, None]:
        """The order's states, from the present one until it is over. `executions` of each are the new ones.

        They are pushed by the server; where its socket can't be had, it is asked once a second.
        """
        return OrderStates(self._http, order_id).follow()

    async def _get(self, path: str) -> Json:
        answer: Json = (await self._http.request("GET", path)).json()
        return answer

    async def _order(self, method: str, order_id: str, action: str = "") -> Json:
        path = f"/orders/{_part(order_id)}{action}"
        order: Json = (await self._http.request(method, path, signed=True)).json()
        return order


def connect(url: str = DEFAULT_URL, token: str | None = None) -> TwapClient:
    """`async with connect(url) as twap: …`"""
    return TwapClient(url, token)


def _part(text: str) -> str:
    """As one part of a path."""
    return quote(text, safe="")


def _time(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else time_text(moment) or ""
