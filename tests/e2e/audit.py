"""Compares an order as the server tells it with the reference, digit by digit."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from tests.e2e import reference

FEES = {"Binance": Decimal("0.00075"), "Bybit": Decimal("0.0011")}
"""Set for every server of these tests, so that nobody has to ask the product for them."""

_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN)


class Audit:
    """What was found: the order, its executions, and by slice what `explain` tells of it."""

    def __init__(self, order, slices):
        self.order, self.slices = order, slices

    @property
    def executions(self):
        return self.order["executions"]

    @property
    def missed(self):
        """Reasons by slice, of those that filled less than their target; without those that were only late,
        as a busy machine may make any slice."""
        reasons = {number: each["reason"] for number, each in enumerate(self.slices, 1)}
        return {number: reason for number, reason in reasons.items() if reason not in (None, "late")}


async def audited(api, order_id, stand_ins, *, min_quantity=0, min_notional=5, lot, participation=None):
    """Recompute all slices that are over from the stand-ins' own books, and compare every number.

    min_quantity, min_notional, lot  as the stand-ins list them
    """
    order = await api.order(order_id)
    count = int(order["slices_done"])
    slices = [await api.explain(order_id, number) for number in range(1, count + 1)]
    histories = {stand_in.name: await stand_in.books(order["symbol"]) for stand_in in stand_ins}
    plan = reference.Plan(
        side=order["side"],
        quantity=order["quantity"],
        limit=order["limit_price"],
        slices=int(order["slices_total"]),
        lot=Decimal(lot),
        venues={
            name: reference.Venue(FEES[name], Decimal(min_quantity), Decimal(min_notional))
            for name in order["exchanges"]
        },
        participation=participation,
    )
    looks = [looked_at(each, histories) for each in slices]
    targets, fills = reference.execute(plan, looks)
    for one, wanted in zip(slices, targets, strict=True):
        assert one["target"]["target"] == wanted, f"target of slice {one['slice']}"
        assert bool(one["reason"]) == (one["filled"] < wanted), f"reason of slice {one['slice']}"
    assert [told(each) for each in order["executions"]] == fills
    for each in order["executions"]:
        venue = next(v for v in slices[int(each["slice"]) - 1]["venues"] if v["exchange"] == each["exchange"])
        assert each["book"]["sequence"] == venue["sequence"], f"book of execution {each['id']}"
    check_totals(order, fills)
    return Audit(order, slices)


def looked_at(one, histories):
    """The true books that a slice says it filled against: each must be one that there really was."""
    books = {}
    for venue in one["venues"]:
        if venue["state"] == "live" and one["reason"] != "paused":
            name, sequence = venue["exchange"], int(venue["sequence"])
            assert sequence in histories[name], f"slice {one['slice']}: {name} never was at {sequence}"
            books[name] = histories[name][sequence]
    return books


def told(execution):
    return reference.Fill(
        int(execution["slice"]),
        execution["exchange"],
        execution["price"],
        execution["quantity"],
        execution["fee"],
    )


def check_totals(order, fills):
    quantity = sum((fill.quantity for fill in fills), Decimal(0))
    notional = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
    assert order["total_exec"] == quantity
    assert order["fees"] == sum((fill.fee for fill in fills), Decimal(0))
    assert order["lots_count"] == len(fills)
    percent = _ROUNDING.divide(100 * quantity, order["quantity"])
    assert order["percent_exec"] == percent.quantize(Decimal("0.0001"), context=_ROUNDING)
    average = _ROUNDING.divide(notional, quantity) if quantity else Decimal(0)
    assert order["avg_exec_price"] == average.quantize(Decimal("0.00000001"), context=_ROUNDING)
    if order["outcome"] is not None:
        parts = {Decimal(0): "unfilled", order["quantity"]: "filled"}
        assert order["outcome"] == parts.get(quantity, "partially_filled")
