"""`twap order`: TWAP orders at a server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from twap.entrypoints.cli.connection import LOCAL, ServerUrl, signed_client
from twap.entrypoints.cli.output import AsJson, console, print_json
from twap.entrypoints.cli.running import run, run_until_interrupted

ABOUT = """TWAP orders at a server. First: twap login NAME

Example: twap order submit BTCUSDT buy 0.5 --limit 101000 --duration 60 --exchanges binance
"""
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=ABOUT)
OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="Its id.", show_default=False)]
Json = dict[str, Any]


@group.command("submit")
def submit(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT or btc-usdt.")],
    side: Annotated[str, typer.Argument(help="buy or sell.")],
    quantity: Annotated[str, typer.Argument(help="Base, in total, exactly as written.")],
    limit: Annotated[str, typer.Option("--limit", help="Limit price; no fill is worse.")],
    duration: Annotated[str, typer.Option("--duration", help="Seconds, 1 to 86400.")],
    exchanges: Annotated[str, typer.Option("--exchanges", help="With commas between.")],
    interval: Annotated[str | None, typer.Option(help="Seconds between slices. [1]")] = None,
    client_order_id: Annotated[
        str | None, typer.Option(help="A key of your own: repeating the command makes no second order.")
    ] = None,
    start_at: Annotated[str | None, typer.Option(help="ISO 8601. [now]")] = None,
    random_size: Annotated[str | None, typer.Option(help="0 to 0.5: how far sizes may stray.")] = None,
    random_time: Annotated[str | None, typer.Option(help="0 to 0.5: how far times may stray.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the randomness.")] = None,
    max_participation: Annotated[
        str | None, typer.Option(help="0 to 1: share of the visible liquidity a slice may take.")
    ] = None,
    catch_up: Annotated[
        str | None, typer.Option(help="A slice is at most so many times its plan. [3]")
    ] = None,
    latency_ms: Annotated[int | None, typer.Option(help="Look at the books so much later. [0]")] = None,
    fees: Annotated[str | None, typer.Option(help="include or ignore, when ranking venues.")] = None,
    watch_it: Annotated[bool, typer.Option("--watch", help="Then watch it until it is over.")] = False,
    as_json: AsJson = False,
    url: ServerUrl = LOCAL,
) -> None:
    """Submit a TWAP order.

    Examples: twap order submit BTCUSDT buy 0.5 --limit 101000 --duration 60 --exchanges binance,kraken

    twap order submit ETHUSDT sell 3 --limit 3400 --duration 3600 --interval 10 --exchanges kucoin --watch
    """
    random = {"size": random_size, "time": random_time, "seed": seed}
    order = run(
        _submit(
            url,
            {
                "symbol": symbol,
                "side": side,
                "total_quantity": quantity,
                "limit_price": limit,
                "duration_seconds": duration,
                "exchanges": [name.strip() for name in exchanges.split(",") if name.strip()],
                "slice_interval_seconds": interval,
                "client_order_id": client_order_id,
                "start_at": start_at,
                "randomize": {name: value for name, value in random.items() if value is not None} or None,
                "max_participation": max_participation,
                "catch_up": catch_up,
                "latency_ms": latency_ms,
                "fees": fees,
            },
        )
    )
    _show(order, as_json)
    if watch_it:
        run_until_interrupted(_watch(url, order["order_id"], as_json))


@group.command("list")
def list_all(
    status: Annotated[str | None, typer.Option(help="Only with this status.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only of this symbol.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
    url: ServerUrl = LOCAL,
) -> None:
    """List your orders, newest first.

    Examples: twap order list

    twap order list --status executing --limit 1000 --json
    """
    orders = run(_list(url, status, symbol, limit))
    if as_json:
        print_json(orders)
        return
    from twap.entrypoints.cli.order_view import list_table

    console().print(list_table(orders))


@group.command("show")
def show(order_id: OrderId, as_json: AsJson = False, url: ServerUrl = LOCAL) -> None:
    """Show an order and its last executions.

    Example: twap order show ORDER --json
    """
    _show(run(_call(url, "order", order_id)), as_json)


@group.command("watch")
def watch(order_id: OrderId, as_json: AsJson = False, url: ServerUrl = LOCAL) -> None:
    """Watch an order until it is over, or Ctrl-C. With --json: a line for each state.

    Example: twap order watch ORDER
    """
    run_until_interrupted(_watch(url, order_id, as_json))


@group.command("cancel")
def cancel(order_id: OrderId, as_json: AsJson = False, url: ServerUrl = LOCAL) -> None:
    """Cancel what is left of an order.

    Example: twap order cancel ORDER
    """
    _show(run(_call(url, "cancel", order_id)), as_json)


@group.command("pause")
def pause(order_id: OrderId, as_json: AsJson = False, url: ServerUrl = LOCAL) -> None:
    """Pause an order; what it misses is spread over what remains of its schedule.

    Example: twap order pause ORDER
    """
    _show(run(_call(url, "pause", order_id)), as_json)


@group.command("resume")
def resume(order_id: OrderId, as_json: AsJson = False, url: ServerUrl = LOCAL) -> None:
    """Resume a paused order.

    Example: twap order resume ORDER
    """
    _show(run(_call(url, "resume", order_id)), as_json)


@group.command("explain")
def explain(
    order_id: OrderId,
    slice_number: Annotated[int, typer.Option("--slice", min=0, help="From 1; 0 is the look at arrival.")],
    as_json: AsJson = False,
    url: ServerUrl = LOCAL,
) -> None:
    """Explain each fill of a slice: the books it looked at, level by level.

    Example: twap order explain ORDER --slice 7
    """
    explained = run(_call(url, "explain", order_id, slice_number))
    if as_json:
        print_json(explained)
        return
    from twap.domain.explain import as_text

    typer.echo(as_text(explained), nl=False)


@group.command("report")
def report(
    order_id: OrderId,
    html: Annotated[Path | None, typer.Option(help="Write the page with pictures to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the executions to this file.")] = None,
    as_json: AsJson = False,
    url: ServerUrl = LOCAL,
) -> None:
    """Execution quality of an order: prices, costs, shares, missed slices.

    Examples: twap order report ORDER

    twap order report ORDER --html report.html --csv fills.csv
    """
    files = [(form, file) for form, file in (("html", html), ("csv", csv)) if file is not None]
    for form, file in files:
        file.write_text(run(_report_text(url, order_id, form)), encoding="utf-8", newline="")
        typer.echo(f"{file} written", err=True)
    if files and not as_json:
        return
    found = run(_call(url, "report", order_id))
    if as_json:
        print_json(found)
        return
    from twap.entrypoints.cli.order_view import report_view

    console().print(report_view(found))


def _show(order: Json, as_json: bool) -> None:
    if as_json:
        print_json(order)
        return
    from twap.entrypoints.cli.order_view import LAST_FILLS, fills_table, order_table

    console().print(order_table(order))
    fills: Sequence[Json] = order.get("executions") or ()
    if fills:
        console().print(fills_table(fills[-LAST_FILLS:]))


async def _submit(url: str, ticket: Json) -> Json:
    async with signed_client(url) as twap:
        return await twap.submit(**ticket)


async def _list(url: str, status: str | None, symbol: str | None, limit: int) -> list[Json]:
    orders: list[Json] = []
    async with signed_client(url) as twap:
        async for order in twap.orders(status=status, symbol=symbol, page_size=min(limit, 500)):
            orders.append(order)
            if len(orders) == limit:
                break
    return orders


async def _call(url: str, method: str, *arguments: Any) -> Json:
    async with signed_client(url) as twap:
        answer: Json = await getattr(twap, method)(*arguments)
        return answer


async def _report_text(url: str, order_id: str, form: str) -> str:
    async with signed_client(url) as twap:
        return await twap.report_text(order_id, form)


async def _watch(url: str, order_id: str, as_json: bool) -> None:
    from twap.entrypoints.cli.watching import follow

    async with signed_client(url) as twap:
        if as_json:
            async for state in twap.watch(order_id):
                print_json(state, one_line=True)
        else:
            await follow(twap, order_id, console())
