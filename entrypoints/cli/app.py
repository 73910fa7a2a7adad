"""All commands put together. Importing this is quick: what a command needs, it imports when it runs."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from twap.entrypoints.cli import (
    backtest,
    book,
    demo,
    keys,
    login,
    markets,
    order_checks,
    orders,
    plugins,
    record,
    server,
    users,
)
from twap.ports.errors import TwapError


class Commands(TyperGroup):
    """Turns our errors, and those of the system, into one line on standard error and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever reads our output has enough of it
        except (TwapError, OSError) as error:
            typer.echo(f"twap: {_in_words(error)}", err=True)
            raise typer.Exit(1) from error


def _in_words(error: Exception) -> str:
    """One line; where a file is at fault, its name and what is wrong with it."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"twap {version('twap-trading-api')} (Python {sys.version.split()[0]})")
        raise typer.Exit


def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Paper trading with TWAP orders on live, exact crypto order books.

    Example, to start with: twap demo
    """


app = typer.Typer(
    name="twap",
    cls=Commands,
    callback=about,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
orders.group.registered_commands += order_checks.group.registered_commands
app.command("demo")(demo.command)
app.command("record")(record.command)
app.command("backtest")(backtest.command)
for commands in (server.group, login.group, markets.group, book.group):
    app.add_typer(commands)
app.add_typer(orders.group, name="order")
app.add_typer(users.group, name="user")
app.add_typer(plugins.group, name="plugin")
app.add_typer(keys.group, name="keys")
