"""`twap serve`, `twap migrate`, `twap dashboard`."""

import importlib.util
from typing import Annotated

import typer

from twap.entrypoints.cli.connection import LOCAL, TOKEN_VARIABLE, URL_VARIABLE, ServerUrl
from twap.entrypoints.cli.local import DatabaseUrl, opened_storage
from twap.entrypoints.cli.running import run, run_server, run_until_interrupted
from twap.ports.errors import TwapError

group = typer.Typer()
DASHBOARD = "twap.entrypoints.dashboard"


@group.command("serve")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (TWAP_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (TWAP_PORT).")] = None,
    database_url: DatabaseUrl = None,
    exchanges: Annotated[
        str | None, typer.Option(help="Enabled exchanges, with commas between (TWAP_EXCHANGES).")
    ] = None,
    endpoints: Annotated[
        str | None, typer.Option(help="Other addresses of exchanges, as JSON (TWAP_ENDPOINTS).")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning, error or critical (TWAP_LOG_LEVEL).")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json (TWAP_LOG_FORMAT).")] = None,
) -> None:
    """Serve HTTP and WebSocket until Ctrl-C.

    Settings come from flags, then from TWAP_ variables, then from the file .env. TWAP_SECRET_KEY has no
    flag: other users of the machine can read those.

    Examples: twap serve

    twap serve --port 9000 --exchanges binance,kraken --log-format json
    """
    import structlog

    from twap.entrypoints import logs, program
    from twap.entrypoints.settings import load_settings, unknown_variables

    settings = load_settings(
        host=host,
        port=port,
        database_url=database_url,
        exchanges=exchanges,
        endpoints=endpoints,
        log_level=log_level,
        log_format=log_format,
    )
    logs.configure(settings.log_level, settings.log_format)
    for name in unknown_variables():
        if name.upper() not in (URL_VARIABLE, TOKEN_VARIABLE):
            structlog.get_logger("twap.settings").warning("unknown setting", name=name)
    run_server(program.run(settings))


@group.command("migrate")
def migrate(database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema up to this version.

    SQLite is migrated at every start; PostgreSQL only by this command.

    Example: twap migrate --database-url postgres://twap@127.0.0.1/twap
    """
    run(_migrate(database_url))
    typer.echo("the database is up to date")


@group.command("dashboard")
def dashboard(url: ServerUrl = LOCAL) -> None:
    """Show books, orders and reports of a server in the browser.

    Example: twap dashboard --url http://127.0.0.1:8000
    """
    if importlib.util.find_spec(DASHBOARD) is None or importlib.util.find_spec("streamlit") is None:
        raise TwapError("the dashboard needs an extra: pip install 'twap-trading-api[dashboard]'")
    run_until_interrupted(_show_dashboard(url))


async def _migrate(database_url: str | None) -> None:
    async with opened_storage(database_url, migrate=True):
        pass


async def _show_dashboard(url: str) -> None:
    """Streamlit wants a process of its own."""
    import asyncio
    import os
    import sys

    spec = importlib.util.find_spec(DASHBOARD)
    folder = next(iter(spec.submodule_search_locations or ()), "") if spec else ""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "streamlit", "run", os.path.join(folder, "app.py")),  # noqa: PTH118
        *("--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"),
        env={**os.environ, URL_VARIABLE: url},
    )
    if await process.wait():
        raise TwapError("the dashboard could not be started")
