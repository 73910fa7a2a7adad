"""Follows an order in the terminal until it is over."""

from collections import deque
from typing import TYPE_CHECKING, Any

from rich.live import Live

from twap.entrypoints.cli.order_view import LAST_FILLS, progress_line, progress_view

if TYPE_CHECKING:
    from twap.entrypoints.cli.screen import Screen
    from twap.entrypoints.client import TwapClient


async def follow(twap: "TwapClient", order_id: str, screen: "Screen") -> None:
    """A live picture at a terminal; elsewhere a line for each new slice."""
    if not screen.redraws:
        async for state in twap.watch(order_id):
            screen.print(progress_line(state), markup=False, soft_wrap=True)
        return
    fills: deque[dict[str, Any]] = deque(maxlen=LAST_FILLS)
    with Live(console=screen, auto_refresh=False) as live:
        async for state in twap.watch(order_id):
            fills.extend(state["executions"])
            live.update(progress_view(state, list(fills)), refresh=True)
