"""What was stored once and is changed by hand later is told, whichever digit it was."""

import sqlite3
from decimal import Decimal

import pytest

from tests.fakes.orders import NOON, advanced, make_order, make_slice, record
from tests.plugins.storage.conftest import opened
from twap.ports.errors import StorageError
from twap.ports.store import Step


async def stored(path, **changes):
    """The id of an order with one slice that is over."""
    async with opened(f"sqlite:///{path}") as storage:
        order = make_order()
        await storage.orders.add(order)
        [claimed] = await storage.orders.claim("me", now=NOON, lease_seconds=30, limit=1)
        after = advanced(order)
        await record(storage.orders, [Step(after, claimed.fence, (make_slice(after, 1, **changes),))])
        return order.id


def run(path, statement, *values):
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


async def read_again(path, order_id):
    async with opened(f"sqlite:///{path}") as storage:
        order, [piece] = await storage.orders.get(order_id), await storage.orders.slices(order_id)
        return order, piece


async def test_order_when_nothing_was_changed_then_intact(tmp_path):
    path = tmp_path / "twap.sqlite3"
    order, piece = await read_again(path, await stored(path))
    assert order.intact
    assert piece.intact


@pytest.mark.parametrize("old", ["100635.65", "0.75", "100635.64", "100700", "live"])
async def test_slice_when_a_text_of_its_look_is_changed_then_not_intact(tmp_path, old):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    new = "down" if old == "live" else old[:-1] + "1"
    [(packed,)] = sqlite3.connect(path).execute("SELECT packed FROM looks")
    run(path, "UPDATE looks SET packed = ?", packed.replace(old.encode(), new.encode()))
    order, piece = await read_again(path, order_id)
    assert (order.intact, piece.intact) == (True, False)


async def test_slice_when_its_memory_is_changed_then_not_intact(tmp_path):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path, taken={("Binance", Decimal("100635.65")): Decimal("0.25")})
    assert (await read_again(path, order_id))[1].intact
    [(memory,)] = sqlite3.connect(path).execute("SELECT memory FROM slices")
    run(path, "UPDATE slices SET memory = ?", memory.replace(b"0.25", b"0.24"))
    assert not (await read_again(path, order_id))[1].intact


async def test_slice_when_its_time_is_changed_then_not_intact(tmp_path):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    run(path, "UPDATE slices SET looked_at = looked_at + 1")
    assert not (await read_again(path, order_id))[1].intact


@pytest.mark.parametrize(
    "change",
    [
        "ticket = replace(ticket, '101000', '101001')",
        "terms = replace(terms, '0.001', '0.002')",
        "lot_size = '0.00002'",
        "slices_total = 61",
        "created_at = created_at + 1",
        "starts_at = starts_at - 1",
        "symbol = 'ETHUSDT'",
    ],
)
async def test_order_when_its_request_is_changed_then_not_intact(tmp_path, change):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    run(path, f"UPDATE orders SET {change}")  # noqa: S608 - a text of this file
    order, piece = await read_again(path, order_id)
    assert (order.intact, piece.intact) == (False, True)


async def test_rows_when_from_before_the_checksums_then_taken_as_intact(tmp_path):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    run(path, "UPDATE orders SET checksum = NULL")
    run(path, "UPDATE slices SET checksum = NULL")
    order, piece = await read_again(path, order_id)
    assert order.intact
    assert piece.intact


async def test_slice_when_its_look_is_garbage_then_the_error_names_it(tmp_path):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    run(path, "UPDATE looks SET packed = ?", b"\xc1")
    with pytest.raises(StorageError, match=r"slice 1 of order \w+ can't be read"):
        await read_again(path, order_id)


async def test_execution_when_its_price_is_no_number_then_the_error_names_the_column(tmp_path):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    run(path, "UPDATE executions SET price = '1O1'")
    with pytest.raises(StorageError, match="price is no number: '1O1'"):
        await read_again(path, order_id)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("executions", "position", "'x'"),
        ("executions", "position", "1.5"),
        ("slices", "number", "1.5"),
        ("orders", "slices_done", "'many'"),
    ],
)
async def test_rows_when_a_whole_number_is_none_then_the_error_names_the_column(
    tmp_path, table, column, value
):
    path = tmp_path / "twap.sqlite3"
    order_id = await stored(path)
    run(path, f"UPDATE {table} SET {column} = {value}")  # noqa: S608 - texts of this file
    stored_value = value.strip("'")
    with pytest.raises(StorageError, match=f"{column} is no whole number: '{stored_value}'"):
        await read_again(path, order_id)
