"""`twap record`: writes down what exchanges send, for backtests."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twap.entrypoints.cli.output import notes
from twap.entrypoints.cli.running import run
from twap.ports.errors import TwapError

if TYPE_CHECKING:
    from twap.entrypoints.recording.writer import Bounds


def command(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="Such as BTCUSDT or btc-usdt.")],
    exchanges: Annotated[str, typer.Option("--exchanges", help="With commas between.")],
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder.")],
    seconds: Annotated[float | None, typer.Option(min=0, help="End after so long. [at Ctrl-C]")] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="End before the files are larger, all together.")] = 2
    ** 30,
    rotate_bytes: Annotated[int, typer.Option(min=1, help="Begin a new file after so many bytes.")] = 2**25,
    rotate_seconds: Annotated[
        float | None, typer.Option(min=1, help="Begin a new file after so long.")
    ] = None,
) -> None:
    """Record the order books of these symbols as the exchanges send them, until Ctrl-C.

    Needs no server. Play it back with: twap backtest

    Examples: twap record BTCUSDT --exchanges binance,okx --out recording --seconds 600

    twap record BTCUSD ETHUSD --exchanges kraken --out recording --max-bytes 500000000
    """
    from twap.entrypoints.recording.writer import Bounds

    bounds = Bounds(max_bytes=max_bytes, rotate_bytes=rotate_bytes, rotate_seconds=rotate_seconds)
    run(_record(symbols, exchanges, out, seconds, bounds))


async def _record(
    symbols: list[str], exchanges: str, out: Path, seconds: float | None, bounds: "Bounds"
) -> None:
    from twap.entrypoints import logs
    from twap.entrypoints.container import Container
    from twap.entrypoints.recording.recorded import record
    from twap.entrypoints.settings import load_settings

    settings = load_settings(exchanges=exchanges)
    logs.configure("error", settings.log_format)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    screen = notes()
    with screen.status("connecting") as status:
        done = await record(
            Container(settings=settings),
            symbols,
            out,
            stop=stop,
            seconds=seconds,
            bounds=bounds,
            tell=status.update,
        )
    if done.failed:
        raise TwapError(f"the recording ended early: {done.ended}; what was written before is in {out}")
    because = f"; {done.ended}" if done.ended else ""
    typer.echo(f"{done.lines} lines, {done.bytes_written} bytes in {out}{because}")
