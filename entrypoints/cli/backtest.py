"""`twap backtest`: a TWAP order on recorded books, as live orders are executed."""

import sys
import time
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twap.entrypoints.cli.output import AsJson, console, notes, print_json
from twap.ports.errors import TwapError

if TYPE_CHECKING:
    from twap.entrypoints.backtest.backtest import Backtest, Outcome
    from twap.entrypoints.backtest.instruments import Sizes

COLUMNS = ("variant", "filled", "average", "arrival bps", "TWAP bps", "fees", "shortfall", "fills")


def command(
    order: Annotated[Path, typer.Argument(metavar="ORDER.json", help="The body of POST /orders/twap.")],
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING...", help="Files or folders.")],
    compare: Annotated[
        list[str] | None,
        typer.Option(help="A variant, as interval=5 or exchanges=A+B,catch_up=1; or default. Repeatable."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page with pictures to this file.")] = None,
    exchange: Annotated[
        str | None, typer.Option(help="Whose recordings these are, where file names do not tell.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="ISO 8601. [as soon as all the order's books are live]")
    ] = None,
    tick: Annotated[
        list[str] | None, typer.Option(help="Tick size, as 0.01 or Kraken=0.1, instead of the recording's.")
    ] = None,
    lot: Annotated[
        list[str] | None, typer.Option(help="Lot size, as 0.001 or Kraken=1e-8, instead of the recording's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a TWAP order on recorded books, and report on it as on a live order.

    Needs no server and no network. The same order on the same recording gives the same bytes.

    Examples: twap backtest order.json recording/ --compare default

    twap backtest order.json recording/ --compare interval=5 --compare randomize.size=0.3,randomize.seed=7
    """
    began = time.perf_counter()
    with notes().status("replaying …"):
        done = _run(order, recordings, compare or [], exchange, start, _sizes(tick, lot))
    _say_speed(done, time.perf_counter() - began)
    if html is not None:
        _write_page(html, done.outcomes[0])
    if as_json:
        print_json(_as_dict(done, with_variants=bool(compare)))
    else:
        _print(done, with_variants=bool(compare))


def _run(
    order: Path,
    recordings: list[Path],
    compare: list[str],
    exchange: str | None,
    start: str | None,
    sizes: "dict[str | None, Sizes]",
) -> "Backtest":
    from twap.entrypoints import logs
    from twap.entrypoints.backtest.backtest import Terms, backtest, files_by_exchange
    from twap.entrypoints.backtest.instruments import Sizes
    from twap.entrypoints.backtest.order import read_order, variants
    from twap.entrypoints.discovery import SIMULATED, discover
    from twap.entrypoints.settings import load_settings

    settings = load_settings()
    logs.configure("error", settings.log_format)
    exchanges, failures = discover(None)
    exchanges |= discover([SIMULATED])[0]
    by_key = {name.casefold(): name for name in exchanges}
    if exchange is not None and exchange.casefold() not in by_key:
        because = "".join(f"; {name}: {reason}" for name, reason in failures.items())
        raise TwapError(f"no plugin gives {exchange!a}; installed: {', '.join(sorted(exchanges))}{because}")
    wanted = variants(read_order(order.read_bytes()), compare)
    begins = wanted[0].ticket.start_at if start is None else _time(start)
    default = sizes.get(None, Sizes())
    terms = Terms(
        fees={name: settings.taker_fee_of(each) for name, each in exchanges.items()},
        sizes={name: _sizes_of(sizes.get(key), default) for key, name in by_key.items()},
        stale_after_seconds=settings.stale_after_seconds,
    )
    whose = None if exchange is None else by_key[exchange.casefold()]
    files = files_by_exchange(recordings, list(exchanges), whose)
    return backtest(wanted, files, exchanges, terms, start=begins)


def _sizes_of(own: "Sizes | None", default: "Sizes") -> "Sizes":
    from twap.entrypoints.backtest.instruments import Sizes

    return default if own is None else Sizes(own.tick or default.tick, own.lot or default.lot)


def _sizes(ticks: list[str] | None, lots: list[str] | None) -> "dict[str | None, Sizes]":
    """By case-folded exchange; None: of all others."""
    from twap.entrypoints.backtest.instruments import Sizes

    tick, lot = _by_exchange(ticks, "--tick"), _by_exchange(lots, "--lot")
    return {name: Sizes(tick.get(name), lot.get(name)) for name in {**tick, **lot}}


def _by_exchange(texts: list[str] | None, option: str) -> dict[str | None, Decimal]:
    found: dict[str | None, Decimal] = {}
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        try:
            size = Decimal(value)
        except InvalidOperation:
            size = Decimal(0)
        if not (size.is_finite() and size > 0):
            raise typer.BadParameter(f"{text!r} is no size above 0", param_hint=option)
        found[name.casefold() if equals else None] = size
    return found


def _time(text: str) -> datetime:
    from twap.entrypoints.http.requests import read_time

    try:
        return read_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--start") from None


def _say_speed(done: "Backtest", seconds: float) -> None:
    """On standard error: the answer itself is the same in every run."""
    span = (done.last - done.first).total_seconds()
    if sys.stderr.isatty():
        typer.echo(f"{done.lines} lines, {span:.1f} s of recording in {seconds:.2f} s", err=True)


def _write_page(file: Path, outcome: "Outcome") -> None:
    from twap.entrypoints.report import page as report_page

    page = report_page.render(outcome.order, outcome.report, outcome.slices)
    file.write_text(page, encoding="utf-8", newline="")
    typer.echo(f"{file} written", err=True)


def _print(done: "Backtest", *, with_variants: bool) -> None:
    from twap.domain.report import as_dict
    from twap.entrypoints.cli.figures import Figures
    from twap.entrypoints.cli.order_view import report_view

    screen = console()
    screen.print(
        f"recording {done.first:%Y-%m-%d %H:%M:%S} to {done.last:%Y-%m-%d %H:%M:%S} UTC, the order starts"
        f" at {done.started_at:%H:%M:%S.%f}",
        markup=False,
    )
    for note in done.notes:
        screen.print(note, markup=False, soft_wrap=True)
    screen.print(report_view(as_dict(done.outcomes[0].report)))
    if with_variants:
        screen.print(Figures(COLUMNS, map(_row, done.outcomes)))


def _row(outcome: "Outcome") -> list[Any]:
    made, star = outcome.report, "" if outcome.is_whole else " (cut short)"
    return [
        outcome.name + star,
        made.executed,
        made.average_price,
        made.slippage_arrival and made.slippage_arrival.bps,
        made.slippage_benchmark and made.slippage_benchmark.bps,
        made.fees,
        made.shortfall and made.shortfall.quote,
        made.executions,
    ]


def _as_dict(done: "Backtest", *, with_variants: bool) -> dict[str, Any]:
    recording = {
        "first": done.first,
        "last": done.last,
        "started_at": done.started_at,
        "lines": done.lines,
        "notes": done.notes,
    }
    found = {"recording": recording, **_outcome(done.outcomes[0])}
    if with_variants:
        found["variants"] = [{"name": each.name, **_outcome(each)} for each in done.outcomes[1:]]
    return found


def _outcome(outcome: "Outcome") -> dict[str, Any]:
    from twap.domain.report import as_dict
    from twap.entrypoints.http.wire import execution_object, order_object

    return {
        "whole": outcome.is_whole,
        "order": order_object(outcome.order),
        "report": as_dict(outcome.report),
        "executions": [execution_object(fill) for one in outcome.slices for fill in one.executions],
    }
