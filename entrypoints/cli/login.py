"""`twap login`, `twap logout`."""

from typing import Annotated

import typer

from twap.entrypoints.cli.connection import LOCAL, ServerUrl, keeper
from twap.entrypoints.cli.passwords import FromStdin, ask
from twap.entrypoints.cli.running import run

group = typer.Typer()


@group.command("login")
def login(
    name: Annotated[str, typer.Argument(help="Of the account.")],
    register: Annotated[bool, typer.Option("--register", help="Make the account first.")] = False,
    password_stdin: FromStdin = False,
    url: ServerUrl = LOCAL,
) -> None:
    """Log in at a server; later commands use the login.

    Its tokens are kept in your configuration folder, readable by you alone.

    Examples: twap login alice

    twap login alice --register
    """
    password = ask(password_stdin, twice=register)
    run(_log_in(url, name, password, register))
    typer.echo(f"logged in at {url} as {name}")


@group.command("logout")
def logout(url: ServerUrl = LOCAL) -> None:
    """End the login at a server.

    Example: twap logout
    """
    run(_log_out(url))
    typer.echo(f"logged out at {url}")


async def _log_in(url: str, name: str, password: str, register: bool) -> None:
    from twap.entrypoints.client import TwapClient

    async with TwapClient(url, keeper=keeper(url)) as twap:
        if register:
            await twap.register(name, password)
        await twap.log_in(name, password)


async def _log_out(url: str) -> None:
    from twap.entrypoints.client import ApiError, TwapClient

    kept = keeper(url)
    async with TwapClient(url, keeper=kept) as twap:
        try:
            await twap.log_out()
        except ApiError:
            kept.save(None)  # the server knows the login no more
