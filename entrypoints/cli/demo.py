"""`twap demo`: serves, runs one TWAP order like any user, prints its report, goes on serving."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twap.entrypoints.cli.output import notes
from twap.entrypoints.cli.running import run_server
from twap.ports.errors import WrongSetting

if TYPE_CHECKING:
    from twap.entrypoints.settings import Settings


def command(
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the report. [where the output is no terminal]")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port to serve on. [8000, or any free one where that is taken]")
    ] = None,
    exchanges: Annotated[
        str | None, typer.Option(help="With commas between. [all that can be reached]")
    ] = None,
    seconds: Annotated[int, typer.Option(min=2, max=300, help="How long the order runs.")] = 15,
) -> None:
    """Serve, run a TWAP order on live books, print its report, and go on serving until Ctrl-C.

    Exchanges that can't be reached are left out; where none can, a simulated market serves. The database
    is thrown away at the end, unless TWAP_DATABASE_URL names one.

    Examples: twap demo

    twap demo --exchanges simulated --exit
    """
    from twap.entrypoints import logs, program
    from twap.entrypoints.cli.demo_run import Demo

    with ExitStack() as cleanup:
        settings = demo_settings(port, exchanges, cleanup)
        logs.configure("error" if settings.log_level == "info" else settings.log_level, settings.log_format)
        demo = Demo(settings, seconds=seconds, goes_on=sys.stdout.isatty() and not leave)
        run_server(program.run(settings, beside=demo.run))


def demo_settings(port: int | None, exchanges: str | None, cleanup: ExitStack) -> "Settings":
    """The user's settings, with the simulated market besides, and everything else in a folder that is
    deleted at the end."""
    from twap.entrypoints.discovery import SIMULATED, discover
    from twap.entrypoints.settings import load_settings

    own = load_settings(port=port, exchanges=exchanges)
    overrides: dict[str, object] = {}
    if "database_url" not in own.model_fields_set:
        folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="twap-demo-"))
        overrides["data_dir"] = Path(folder)
    if "port" not in own.model_fields_set:
        overrides["port"] = port_near(own.host, own.port)
    found, failures = discover(own.exchanges)
    for name, reason in failures.items():
        notes().print(f"{name} is left out: {reason}", markup=False)
    names = [name for name in found if name.casefold() != SIMULATED]
    return load_settings(**{"port": port, **overrides, "exchanges": (*names, SIMULATED)})


def port_near(host: str, port: int) -> int:
    """The port itself, or any free one where it is taken. Raises WrongSetting where neither can be had."""
    from twap.entrypoints.program import listening_socket

    try:
        listening_socket(host, port).close()
    except WrongSetting:
        with listening_socket(host, 0) as probe:
            free: int = probe.getsockname()[1]
        notes().print(f"port {port} is taken: serving on {free}")
        return free
    return port
