"""`twap plugin`: exchanges that are installed, new ones, and whether they behave."""

import shlex
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any

import typer

from twap.entrypoints.cli.output import AsJson, console, print_json, table
from twap.ports.errors import TwapError

ABOUT = """Exchange plugins: list, write, check.

Example: twap plugin new acme
"""
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=ABOUT)


@group.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the installed exchange plugins, also those that can't be loaded, with the reason.

    Example: twap plugin list
    """
    found = [_described(plugin) for plugin in _installed()]
    if as_json:
        print_json({"plugins": found})
        return
    columns = ("plugin", "exchange", "distribution", "version", "module", "failure")
    console().print(table(columns, [[each[column] for column in columns] for each in found]))


@group.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Of the exchange: lower-case letters, digits, _.")],
    folder: Annotated[
        Path | None, typer.Option("--into", help="A folder that does not exist. [./twap-NAME]")
    ] = None,
) -> None:
    """Write a small distribution with an exchange plugin and its test, ready to install.

    Example: twap plugin new acme && pip install -e twap-acme && twap plugin check acme
    """
    from twap.entrypoints.cli.plugin_skeleton import valid_name, write

    if not valid_name(name):
        raise typer.BadParameter("lower-case letters, digits and _, beginning with a letter")
    place = folder or Path(f"twap-{name.replace('_', '-')}")
    for file in write(name, place):
        typer.echo(file)
    typer.echo(f"next: pip install -e {shlex.quote(str(place))} && twap plugin check {name}", err=True)


@group.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Of the plugin, or of its exchange, in any case.")],
    as_json: AsJson = False,
) -> None:
    """Load a plugin as the server does, and put its codec through its paces. Needs no network.

    Exits with 1 where a check fails.

    Examples: twap plugin check kraken

    twap plugin check acme --json
    """
    from twap.entrypoints.cli.plugin_check import inspect

    checks = inspect(_named(name))
    failed = [each for each in checks if each.problem]
    if as_json:
        print_json(
            {"plugin": name, "checks": [{"check": each.what, "problem": each.problem} for each in checks]}
        )
    else:
        rows = [("failed" if each.problem else "ok", each.what, each.problem or "") for each in checks]
        console().print(table(("", "check", "problem"), rows))
    if failed:
        typer.echo(f"twap: plugin {name}: {len(failed)} of {len(checks)} checks failed", err=True)
        raise typer.Exit(1)


def _installed() -> list[EntryPoint]:
    from twap.ports.hooks import ENTRY_POINT_GROUP

    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda plugin: plugin.name)


def _described(plugin: EntryPoint) -> dict[str, Any]:
    from twap.entrypoints.discovery import load, reason_of

    exchange = failure = None
    try:
        exchange = load(plugin).name
    # A plugin may raise anything; the others are listed all the same.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        failure = reason_of(error)
    return {
        "plugin": plugin.name,
        "exchange": exchange,
        "distribution": plugin.dist and plugin.dist.name,
        "version": plugin.dist and plugin.dist.version,
        "module": plugin.value,
        "failure": failure,
    }


def _named(name: str) -> EntryPoint:
    installed = _installed()
    for plugin in installed:
        if plugin.name.casefold() == name.casefold():
            return plugin
    for plugin in installed:
        if (_described(plugin)["exchange"] or "").casefold() == name.casefold():
            return plugin
    known = ", ".join(plugin.name for plugin in installed) or "none"
    raise TwapError(f"there is no plugin {name!r}; installed: {known}")
