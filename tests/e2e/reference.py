"""The fills of a TWAP order computed a second time: plain, slow, and with nothing of the product in it.

Written from the rules of the architecture (schedule, carry-over, sweep, lots, liquidity memory) and of
docs/execution-model.md. Everything is counted in lots; a book is (bids, asks) of [price, quantity] texts.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext


@dataclass(frozen=True)
class Venue:
    """What an exchange asks of an execution."""

    fee: Decimal
    min_quantity: Decimal
    min_notional: Decimal


@dataclass(frozen=True)
class Plan:
    """venues: by the name of the exchange; lot: the coarsest of theirs."""

    side: str
    quantity: Decimal
    limit: Decimal
    slices: int
    lot: Decimal
    venues: dict
    catch_up: Decimal = Decimal(3)
    participation: Decimal | None = None


@dataclass(frozen=True)
class Fill:
    slice: int
    exchange: str
    price: Decimal
    quantity: Decimal
    fee: Decimal


def execute(plan, looks):
    """The targets of all slices and their fills.

    looks  for slices 1, 2, ...: the true books that it looked at, by exchange; {} where it looked at none
    """
    with localcontext() as context:
        context.prec = 100
        targets, fills, memory, done = [], [], {}, 0
        for number, books in enumerate(looks, 1):
            target = target_lots(plan, number, done)
            targets.append(target * plan.lot)
            sides = {name: far_side(plan, book) for name, book in books.items()}
            for name, price in list(memory):
                if name in sides:
                    memory[name, price] = min(memory[name, price], sides[name].get(price, Decimal(0)))
            for name, price, lots in sweep(plan, sides, memory, target):
                quantity = lots * plan.lot
                memory[name, price] = memory.get((name, price), Decimal(0)) + quantity
                done += lots
                fee = price * quantity * plan.venues[name].fee
                fills.append(Fill(number, name, price, quantity, fee))
        return targets, fills


def target_lots(plan, number, done):
    lots = int(plan.quantity / plan.lot)
    until = [k * lots // plan.slices for k in (number - 1, number)]
    planned, behind = until[1] - until[0], until[0] - done
    left = plan.slices - number + 1
    return min(planned + -(-behind // left), int(plan.catch_up * planned // 1))


def far_side(plan, book):
    """What the order takes from: price to quantity, within the limit."""
    bids, asks = book
    levels = [
        (Decimal(price), Decimal(quantity)) for price, quantity in (asks if plan.side == "buy" else bids)
    ]
    if plan.side == "buy":
        return {price: quantity for price, quantity in levels if price <= plan.limit}
    return {price: quantity for price, quantity in levels if price >= plan.limit}


def sweep(plan, sides, memory, target):
    """(exchange, price, lots), best price first; an exchange whose minimum would not be met is left out."""
    if plan.participation is not None:
        visible = sum((sum(side.values()) for side in sides.values()), Decimal(0))
        target = min(target, int(visible * plan.participation // plan.lot))
    sign = 1 if plan.side == "buy" else -1
    ladder = sorted(
        (sign * price, -quantity, name) for name, side in sides.items() for price, quantity in side.items()
    )
    left_out = set()
    while True:
        taken, left = [], target
        for signed_price, negative_quantity, name in ladder:
            price = abs(signed_price)
            free = -negative_quantity - memory.get((name, price), Decimal(0))
            lots = min(int(free // plan.lot), left)
            if lots > 0 and name not in left_out:
                taken.append((name, price, lots))
                left -= lots
        below = [
            (notional, name)
            for name, (quantity, notional) in totals(plan, taken).items()
            if quantity < plan.venues[name].min_quantity or notional < plan.venues[name].min_notional
        ]
        if not below:
            return taken
        left_out.add(min(below)[1])


def totals(plan, taken):
    """Quantity and notional by exchange."""
    found = {}
    for name, price, lots in taken:
        quantity, notional = found.get(name, (Decimal(0), Decimal(0)))
        found[name] = quantity + lots * plan.lot, notional + lots * plan.lot * price
    return found
