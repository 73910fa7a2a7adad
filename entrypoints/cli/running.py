"""Runs what a command does in an event loop, and ends it quietly when the user has enough."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer

INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end. Ctrl-C exits with 130, without a traceback."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def run_until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """For what would go on for ever: Ctrl-C is its proper end, with exit code 0."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit from None


def run_server(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop's event loop, where the system has it. Stops by itself on SIGINT and SIGTERM."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
