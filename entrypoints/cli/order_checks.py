"""`twap order verify`, `twap order whatif`: computed from the stored looks, in the database itself."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from twap.entrypoints.cli.local import DatabaseUrl, opened_storage
from twap.entrypoints.cli.orders import OrderId
from twap.entrypoints.cli.output import AsJson, console, notes, print_json
from twap.entrypoints.cli.running import run
from twap.ports.errors import UnknownOrder

if TYPE_CHECKING:
    from twap.ports.order import Order, Slice

group = typer.Typer()


@group.command("verify")
def verify(order_id: OrderId, as_json: AsJson = False, database_url: DatabaseUrl = None) -> None:
    """Compute an order's fills once more from its stored looks, and compare every digit.

    Reads the database of the settings itself; exits with 1 where something differs.

    Example: twap order verify ORDER
    """
    from twap.domain.verify import verify as differing

    order, slices, shared = run(_stored(order_id, database_url))
    found = differing(order, slices, shared=shared)
    checked = sum(each.number > 0 for each in slices)  # 0 is the look at arrival
    if as_json:
        rows = [
            {"slice": x.slice, "field": x.field, "stored": str(x.stored), "expected": str(x.expected)}
            for x in found
        ]
        print_json({"order_id": order.id, "slices": checked, "discrepancies": rows})
    else:
        for each in found:
            typer.echo(str(each))
    if found:
        typer.echo(f"twap: {len(found)} discrepancies in order {order.id}", err=True)
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"order {order.id}: {checked} slices, every digit follows from the stored looks")


@group.command("whatif")
def whatif(order_id: OrderId, as_json: AsJson = False, database_url: DatabaseUrl = None) -> None:
    """What other parameters would have cost on the books that the order saw.

    Reads the database of the settings itself. A star marks rows whose looks were not deep enough.

    Example: twap order whatif ORDER
    """
    from rich.progress import track

    from twap.domain import whatif as replaying
    from twap.entrypoints.cli.figures import Figures

    order, slices, _ = run(_stored(order_id, database_url))
    variants = replaying.variants(order, slices)
    progress = notes()
    outcomes = [
        replaying.run(order, slices, variant)
        for variant in track(
            variants, "replaying", console=progress, transient=True, disable=not progress.is_terminal
        )
    ]
    if as_json:
        print_json([asdict(each) for each in outcomes])
        return
    rows = [
        (
            f"{each.name}{' *' if each.limited else ''}",
            each.fill_rate,
            each.average_price,
            None if each.slippage is None else each.slippage.bps,
            each.fees,
            None if each.shortfall is None else each.shortfall.quote,
            each.executions,
        )
        for each in outcomes
    ]
    columns = ("variant", "fill rate", "average", "slippage bps", "fees", "shortfall", "fills")
    screen = console()
    screen.print(Figures(columns, rows))
    if any(each.limited for each in outcomes):
        screen.print("* its looks held fewer levels than it might have taken from")


async def _stored(order_id: str, database_url: str | None) -> "tuple[Order, Sequence[Slice], bool]":
    """The order, its slices, and whether liquidity memory is shared. Nothing is migrated or written."""
    async with opened_storage(database_url, migrate=False) as container:
        orders = container.storage().orders
        order = await orders.get(order_id)
        if order is None:
            raise UnknownOrder(order_id)
        return order, await orders.slices(order_id), container.settings().share_liquidity
