"""Rows that somebody damaged: they are told of, and harm no other."""

import pytest

from tests.fakes.orders import NOON, make_order
from twap.ports.errors import StorageError

DAMAGE = [
    ("ticket", "'no json'"),
    ("terms", "'[]]'"),
    ("taken", "'{}'"),
    ("executed", "'1.2.3'"),
    ("lot_size", "'NaN'"),
    ("starts_at", str(2**62)),
]


@pytest.mark.parametrize("storage", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize(("column", "value"), DAMAGE)
async def test_order_when_its_row_is_damaged_then_the_log_says_so_and_the_others_are_claimed_and_listed(
    storage, caplog, column, value
):
    bad, good = make_order(), make_order()
    for order in (bad, good):
        await storage.orders.add(order)
    async with storage._database.writing() as session:
        await session.execute_query(f"UPDATE orders SET {column} = {value} WHERE id = '{bad.id}'")  # noqa: S608
    assert await storage.orders.page(good.user_id, limit=10) == [good]
    claimed = await storage.orders.claim("me", now=NOON, lease_seconds=30, limit=10)
    assert good.id in [each.order.id for each in claimed]
    with pytest.raises(StorageError):
        await storage.orders.get(bad.id)
    assert f"order {bad.id} can't be read" in caplog.text
