"""`twap book`: the consolidated order book, live."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from twap.entrypoints.cli.connection import LOCAL, ServerUrl
from twap.entrypoints.cli.output import AsJson, console, print_json, shown
from twap.entrypoints.cli.running import run_until_interrupted

if TYPE_CHECKING:
    from rich.console import Group

    from twap.entrypoints.cli.screen import Screen

group = typer.Typer()
COLOURS = {"live": "green", "syncing": "yellow", "stale": "red", "down": "red"}


@group.command("book")
def book(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT or btc-usdt.")],
    exchanges: Annotated[
        str | None, typer.Option(help="With commas between. [all that the server has enabled]")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Prices a side.")] = 10,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many updates. [until Ctrl-C]")
    ] = None,
    as_json: AsJson = False,
    url: ServerUrl = LOCAL,
) -> None:
    """Show the consolidated order book of a server, once a second, until Ctrl-C.

    Examples: twap book BTCUSDT --exchanges binance,kraken

    twap book ETHUSDT --json --count 1
    """
    run_until_interrupted(_show(url, symbol, exchanges, depth, count, as_json))


async def _show(
    url: str, symbol: str, exchanges: str | None, depth: int, count: int | None, as_json: bool
) -> None:
    from contextlib import aclosing, nullcontext

    from rich.live import Live

    from twap.entrypoints.client import TwapClient

    screen = console()
    live = Live(console=screen, auto_refresh=False) if screen.redraws and not as_json else None
    async with TwapClient(url) as twap:
        names = _names(exchanges) if exchanges else await twap.exchanges()
        with live or nullcontext():
            async with aclosing(twap.book(symbol, names, depth)) as updates:
                seen = 0
                async for update in updates:
                    if as_json:
                        print_json(update, one_line=True)
                    elif live is None:
                        screen.print(view(update))
                    else:
                        live.update(fitting(update, screen), refresh=True)
                    seen += 1
                    if seen == count:
                        return


def fitting(update: dict[str, Any], screen: "Screen") -> "Group":
    """As many prices a side, the best ones, as the terminal has room for: what does not fit would be cut off
    at the bottom, the states and the best bids first of all."""
    deepest = max(map(len, update["order_book"].values()))
    shown_depth = min(deepest, screen.height // 2)
    while shown_depth > 1 and len(screen.render_lines(view(update, shown_depth))) > screen.height:
        shown_depth -= 1
    return view(update, shown_depth)


def view(update: dict[str, Any], depth: int | None = None) -> "Group":
    """Asks above bids, the best of both in the middle; below, the state of each exchange's book.

    depth  prices a side at most; None: all
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, title=f"{update['symbol']}  {update['timestamp']}", title_justify="left")
    made.add_column("price", justify="right")
    made.add_column("quantity", justify="right")
    made.add_column("exchanges")
    sides = update["order_book"]
    for name, colour in (("asks", "red"), ("bids", "green")):
        levels = list(sides[name].items())[:depth]
        for price, (quantity, sources) in reversed(levels) if name == "asks" else levels:
            made.add_row(Text(price, style=colour), shown(quantity), shown(sources))
        if name == "asks":
            made.add_section()
    states = Text()
    for exchange, source in update["sources"].items():
        age = "" if source["age_ms"] is None else f" {source['age_ms']} ms"
        states.append(f"{exchange} {source['state']}{age}   ", style=COLOURS.get(source["state"], ""))
    return Group(made, states)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
