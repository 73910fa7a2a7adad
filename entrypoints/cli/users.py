"""`twap user`: accounts, in the database itself."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from twap.entrypoints.cli.local import DatabaseUrl, opened_storage
from twap.entrypoints.cli.output import AsJson, console, print_json, table
from twap.entrypoints.cli.passwords import FromStdin, ask
from twap.entrypoints.cli.running import run
from twap.ports.errors import TwapError

if TYPE_CHECKING:
    from twap.entrypoints.container import Container
    from twap.ports.account import User

ABOUT = """Accounts, in the database of the settings itself.

Example: twap user create alice --admin
"""
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=ABOUT)
Name = Annotated[str, typer.Argument(help="Of the account.")]


@group.command("create")
def create(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="An administrator.")] = False,
    password_stdin: FromStdin = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an account; its password is asked for twice.

    Examples: twap user create alice

    twap user create root --admin --password-stdin < password.txt
    """
    password = ask(password_stdin, twice=True)
    user = run(_create(name, password, admin, database_url))
    typer.echo(f"{user.role.value} {user.name} created")


@group.command("list")
def list_all(as_json: AsJson = False, database_url: DatabaseUrl = None) -> None:
    """List the accounts.

    Example: twap user list --json
    """
    users = run(_list(database_url))
    if as_json:
        print_json(
            {
                "users": [
                    {"username": each.name, "role": each.role, "created_at": each.created_at}
                    for each in users
                ]
            }
        )
        return
    rows = [(each.name, each.role.value, f"{each.created_at:%Y-%m-%d %H:%M}") for each in users]
    console().print(table(("name", "role", "created (UTC)"), rows))


@group.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete an account; its running orders are cancelled, its tokens are dead at once.

    Example: twap user delete alice --yes
    """
    if not yes:
        typer.confirm(f"Delete {name} for good?", abort=True)
    run(_delete(name, database_url))
    typer.echo(f"{name} deleted")


@group.command("passwd")
def passwd(name: Name, password_stdin: FromStdin = False, database_url: DatabaseUrl = None) -> None:
    """Give an account a new password; all its logins end.

    Example: twap user passwd alice
    """
    password = ask(password_stdin, twice=True)
    run(_passwd(name, password, database_url))
    typer.echo(f"password of {name} changed")


async def _create(name: str, password: str, admin: bool, database_url: str | None) -> "User":
    from twap.domain import accounts
    from twap.ports.account import Role

    async with opened_storage(database_url) as container:
        return await accounts.register(
            name,
            password,
            role=Role.ADMIN if admin else Role.USER,
            users=container.storage().users,
            hasher=container.hasher(),
            clock=container.clock(),
            ids=container.ids(),
        )


async def _list(database_url: str | None) -> "list[User]":
    async with opened_storage(database_url) as container:
        return list(await container.storage().users.all())


async def _delete(name: str, database_url: str | None) -> None:
    from twap.domain import lifecycle

    async with opened_storage(database_url) as container:
        user = await _named(name, container)
        storage = container.storage()
        cancel = partial(
            lifecycle.cancel_all,
            user.id,
            orders=storage.orders,
            clock=container.clock(),
            bus=container.bus(),
        )
        await cancel()
        await storage.users.delete(user.id)
        await cancel()  # those submitted between the two


async def _passwd(name: str, password: str, database_url: str | None) -> None:
    from twap.domain import accounts

    async with opened_storage(database_url) as container:
        user = await _named(name, container)
        storage = container.storage()
        await accounts.set_password(
            user,
            password,
            users=storage.users,
            token_store=storage.tokens,
            hasher=container.hasher(),
            bus=container.bus(),
        )


async def _named(name: str, container: "Container") -> "User":
    from twap.domain.usernames import username_key

    user: User | None = await container.storage().users.by_key(username_key(name))
    if user is None:
        raise TwapError(f"there is no user {name!r}")
    return user
