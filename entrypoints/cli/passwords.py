"""How commands are given a password: never on the command line, where others can see it."""

import sys
from typing import Annotated

import typer

from twap.ports.errors import TwapError

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from one line of standard input.")
]


def ask(from_stdin: bool, *, twice: bool) -> str:
    """twice: a new password, which a slip of the finger must not spoil."""
    if from_stdin:
        line = sys.stdin.readline()
        if not line:
            raise TwapError("standard input holds no password")
        return line.rstrip("\r\n")
    if not sys.stdin.isatty():
        raise TwapError("there is no terminal to ask for the password: use --password-stdin")
    import getpass

    try:
        password = getpass.getpass("Password: ")
        if twice and getpass.getpass("Once more: ") != password:
            raise TwapError("the two passwords differ; nothing was changed")
    except EOFError:
        raise TwapError("no password was given; nothing was changed") from None
    return password
