"""What must hold in the database after anything: read with sqlite3 alone, counted with Decimal."""

import contextlib
import sqlite3
from decimal import Decimal

from twap.domain.verify import verify
from twap.plugins.storage import TortoiseStorage

SLICES = """
SELECT slices.*, orders.id AS order_id FROM slices JOIN orders ON entry = order_entry ORDER BY number
"""
EXECUTIONS = """
SELECT executions.*, number AS slice, orders.id AS order_id FROM executions
JOIN slices ON slices.id = slice_id JOIN orders ON orders.entry = order_entry ORDER BY slice, position
"""


def rows(file, query):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def stored_fills(file):
    """The ids of all executions."""
    return {f"{row['order_id']}-{row['slice']}-{row['position'] + 1}" for row in rows(file, EXECUTIONS)}


def check_database(file):
    """Every order's slices, executions and totals fit together. Returns the orders, by id."""
    assert rows(file, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert rows(file, "PRAGMA foreign_key_check") == []
    slices = by_order(rows(file, SLICES))
    executions = by_order(rows(file, EXECUTIONS))
    orders = {order["id"]: order for order in rows(file, "SELECT * FROM orders")}
    assert slices.keys() <= orders.keys()
    assert executions.keys() <= orders.keys()
    for order_id, order in orders.items():
        check_order(order, slices.get(order_id, []), executions.get(order_id, []))
    return orders


def by_order(found):
    grouped = {}
    for row in found:
        grouped.setdefault(row["order_id"], []).append(row)
    return grouped


def check_order(order, slices, executions):
    numbers = [one["number"] for one in slices if one["number"]]
    assert numbers == list(range(1, order["slices_done"] + 1)), "slices are gapless, none is there twice"
    assert len(executions) == order["lots_count"]
    assert total(executions, "quantity") == Decimal(order["executed"])
    assert total(executions, "fee") == Decimal(order["fees"])
    notional = sum((Decimal(each["price"]) * Decimal(each["quantity"]) for each in executions), Decimal(0))
    assert notional == Decimal(order["notional"])
    for one in slices:
        own = [each for each in executions if each["slice"] == one["number"]]
        assert [each["position"] for each in own] == list(range(len(own)))
        assert total(own, "quantity") == Decimal(one["filled"]) <= Decimal(one["target"])
        assert (one["reason"] is None) == (one["filled"] == one["target"])
    assert {each["slice"] for each in executions} <= set(numbers)
    if order["status"] == "completed":
        assert order["slices_done"] == order["slices_total"]
    assert (order["ended_at"] is not None) == (order["status"] in ("completed", "canceled", "failed"))


def total(found, column):
    return sum((Decimal(row[column]) for row in found), Decimal(0))


async def discrepancies(file):
    """What `twap order verify` finds in all orders of this database."""
    storage = TortoiseStorage(f"sqlite:///{file}")
    await storage.open(migrate=False)
    try:
        found = []
        for row in rows(file, "SELECT id FROM orders"):
            order = await storage.orders.get(row["id"])
            found += [str(each) for each in verify(order, await storage.orders.slices(order.id))]
        return found
    finally:
        await storage.close()
