"""`twap serve`, `twap migrate`, `twap dashboard`."""

import importlib.util
from typing import Annotated

import typer

from twap.entrypoints.cli.connection import LOCAL, TOKEN_VARIABLE, URL_VARIABLE, ServerUrl
from twap.entrypoints.cli.local import DatabaseUrl, opened_storage
from twap.entrypoints.cli.running import run, run_server
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
def dashboard(
    url: ServerUrl = LOCAL,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page, on 127.0.0.1.")] = 8501,
) -> None:
    """Show books, orders and reports of a server in the browser.

    Examples: twap dashboard

    twap dashboard --url http://127.0.0.1:9000 --port 8600
    """
    if importlib.util.find_spec(DASHBOARD) is None or importlib.util.find_spec("streamlit") is None:
        raise TwapError("the dashboard needs an extra: pip install 'twap-trading-api[dashboard]'")
    _show_dashboard(url, port)


async def _migrate(database_url: str | None) -> None:
    async with opened_storage(database_url, migrate=True):
        pass


def _show_dashboard(url: str, port: int) -> None:
    """Runs Streamlit, which stops by itself on SIGINT and SIGTERM, in this process."""
    import os
    from pathlib import Path

    from streamlit.web import cli

    from twap.entrypoints import dashboard as page

    os.environ[URL_VARIABLE] = url
    script = Path(page.__path__[0]) / "app.py"
    flags = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    arguments = [part for name, value in flags.items() for part in (f"--{name}", value)]
    typer.echo(f"the dashboard of {url} is at http://127.0.0.1:{port} until Ctrl-C")
    cli.main(["run", str(script), *arguments], standalone_mode=False)
