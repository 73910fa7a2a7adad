"""`twap exchanges`, `twap symbols`, `twap klines`: they ask the exchanges themselves; no server is needed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from twap.entrypoints.cli.local import opened_feed
from twap.entrypoints.cli.output import AsJson, console, notes, print_json
from twap.entrypoints.cli.running import run

if TYPE_CHECKING:
    from twap.ports.market import Candle, Instrument

group = typer.Typer()
DEFAULT_SPAN = timedelta(days=1)
ExchangeName = Annotated[str, typer.Argument(help="In any case, such as binance.")]


@group.command("exchanges")
def exchanges(as_json: AsJson = False) -> None:
    """List the enabled exchanges.

    Needs no server: it looks at the installed plugins and at TWAP_EXCHANGES.

    Examples: twap exchanges

    twap exchanges --json
    """
    names = run(_exchanges())
    if as_json:
        print_json({"exchanges": names})
    else:
        typer.echo("\n".join(names))


@group.command("symbols")
def symbols(
    exchange: ExchangeName,
    details: Annotated[bool, typer.Option("--details", help="With tick, lot and minimum sizes.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what an exchange trades.

    Needs no server: it asks the exchange itself.

    Examples: twap symbols binance

    twap symbols kraken --details --json
    """
    instruments = run(_instruments(exchange))
    columns = ("symbol", "tick_size", "lot_size", "min_quantity", "min_notional")
    if not details:
        names = [each.symbol for each in instruments]
        if as_json:
            print_json({"symbols": names})
        else:
            typer.echo("\n".join(names))
        return
    rows = [[getattr(each, column) for column in columns] for each in instruments]
    if as_json:
        print_json({"symbols": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        from twap.entrypoints.cli.figures import Figures

        console().print(Figures(columns, rows))


@group.command("klines")
def klines(
    exchange: ExchangeName,
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT or btc-usdt.")],
    interval: Annotated[str, typer.Option(help="Such as 1m, 1h, 1d.")] = "1h",
    start: Annotated[
        str | None, typer.Option(help="ISO 8601, UTC where it names no zone. [one day before the end]")
    ] = None,
    end: Annotated[str | None, typer.Option(help="ISO 8601; not itself included. [now]")] = None,
    as_json: AsJson = False,
) -> None:
    """Closed candles of a symbol, oldest first.

    Needs no server: it asks the exchange itself, for as many pages as it takes.

    Examples: twap klines binance BTCUSDT --interval 1h --start 2025-02-01 --end 2025-02-03

    twap klines kraken ETHUSD --interval 1d --json
    """
    until = datetime.now(UTC) if end is None else _time(end, "--end")
    since = until - DEFAULT_SPAN if start is None else _time(start, "--start")
    if since >= until:
        raise typer.BadParameter("must be earlier than the end", param_hint="--start")
    candles = run(_candles(exchange, symbol, interval, since, until))
    if as_json:
        from twap.entrypoints.http.wire import candle_object, time_text

        print_json({"klines": {time_text(each.open_at): candle_object(each) for each in candles}})
        return
    rows = [(f"{x.open_at:%Y-%m-%d %H:%M}", x.open, x.high, x.low, x.close, x.volume) for x in candles]
    columns = ("open (UTC)", "open", "high", "low", "close", "volume")
    from twap.entrypoints.cli.figures import Figures

    console().print(Figures(columns, rows))


async def _exchanges() -> list[str]:
    async with opened_feed() as feed:
        return list(feed.exchanges())


async def _instruments(exchange: str) -> "list[Instrument]":
    async with opened_feed(exchange) as feed:
        with notes().status(f"asking {exchange} …"):
            found = await feed.instruments(exchange)
        return [found[symbol] for symbol in sorted(found)]


async def _candles(
    exchange: str, symbol: str, interval: str, start: datetime, end: datetime
) -> "Sequence[Candle]":
    async with opened_feed(exchange) as feed:
        with notes().status(f"asking {exchange} for candles …"):
            candles = await feed.candles(exchange, symbol, interval, start, end)
        return [each for each in candles if each.closed]


def _time(text: str, option: str) -> datetime:
    from twap.entrypoints.http.requests import read_time

    try:
        return read_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
