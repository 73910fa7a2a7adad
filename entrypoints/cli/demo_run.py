"""What the demo does: it speaks to the server over HTTP, like any user."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path

from twap.entrypoints.cli.demo_markets import Choice, NoMarket, choose
from twap.entrypoints.cli.order_view import report_view
from twap.entrypoints.cli.output import console
from twap.entrypoints.cli.watching import follow
from twap.entrypoints.client import TwapClient
from twap.entrypoints.container import Container
from twap.entrypoints.discovery import SIMULATED
from twap.entrypoints.setting_values import server_url
from twap.entrypoints.settings import Settings


class Demo:
    """goes_on: the server is left running after the report."""

    def __init__(self, settings: Settings, *, seconds: int, goes_on: bool) -> None:
        self._url = server_url(settings.host, settings.port)
        self._folder = settings.data_dir
        self._seconds = seconds
        self._goes_on = goes_on
        self._screen = console()
        self._name = f"demo-{secrets.token_hex(3)}"
        self._password = secrets.token_urlsafe(12)

    async def run(self, container: Container, stop: asyncio.Event) -> None:
        """Runs beside the server, and stops it at the end unless it goes on."""
        await self._trade()
        if not self._goes_on:
            stop.set()

    async def _trade(self) -> None:
        screen = self._screen
        screen.print(f"serving on {self._url}", markup=False)
        async with TwapClient(self._url) as twap:
            await twap.register(self._name, self._password)
            await twap.log_in(self._name, self._password)
            choice = await self._choose(twap)
            order = await twap.submit(
                symbol=choice.symbol,
                side="buy",
                total_quantity=choice.quantity,
                limit_price=choice.limit_price,
                duration_seconds=self._seconds,
                exchanges=choice.exchanges,
            )
            screen.print(
                f"buying {order['quantity']} {order['symbol']} at most at {order['limit_price']}, in"
                f" {order['slices_total']} slices over {order['duration']} s",
                markup=False,
            )
            await follow(twap, order["order_id"], screen)
            screen.print(report_view(await twap.report(order["order_id"])))
            if self._goes_on:
                await self._say_what_is_left(twap, order["order_id"])

    async def _choose(self, twap: TwapClient) -> Choice:
        """The real exchanges, or the simulated one where none of them can be had."""
        names = await twap.exchanges()
        simulated = [name for name in names if name.casefold() == SIMULATED]
        real = [name for name in names if name not in simulated]
        if real:
            try:
                with self._screen.status(f"looking for live books of {', '.join(real)} …"):
                    return self._announced(await choose(twap, real))
            except NoMarket as error:
                self._say_left_out(error.left_out)
                self._screen.print(f"{error}: the simulated market serves")
        else:
            self._screen.print("the simulated market serves")
        return self._announced(await choose(twap, simulated))

    def _announced(self, choice: Choice) -> Choice:
        self._say_left_out(choice.left_out)
        self._screen.print(f"{choice.symbol} on {', '.join(choice.exchanges)}", markup=False)
        return choice

    def _say_left_out(self, reasons: Mapping[str, str]) -> None:
        for name, reason in reasons.items():
            self._screen.print(f"{name} is left out: {reason}", markup=False)

    async def _say_what_is_left(self, twap: TwapClient, order_id: str) -> None:
        page = self._folder / "report.html"
        await asyncio.to_thread(_write, page, await twap.report_text(order_id, "html"))
        lines = (
            f"API      {self._url}",
            f"docs     {self._url}/docs",
            f"report   {self._url}/orders/{order_id}/report?format=html (with a token), or {page.as_uri()}",
            f"account  {self._name}, password {self._password}",
            "Ctrl-C ends the server.",
        )
        self._screen.print("\n".join(lines), markup=False, soft_wrap=True)


def _write(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")
