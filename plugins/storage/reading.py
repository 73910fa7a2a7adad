"""Orders of many rows at once, where a row that somebody damaged must not keep the others from being read."""

import logging
from collections.abc import Sequence

from tortoise import BaseDBAsyncClient

from twap.plugins.storage.database import Database
from twap.plugins.storage.rows import to_order
from twap.ports.order import Order

_UNREADABLE = (ValueError, TypeError, ArithmeticError, KeyError)

_log = logging.getLogger(__name__)


async def read_orders(
    database: Database, session: BaseDBAsyncClient, order_ids: Sequence[str]
) -> dict[str, Order]:
    """By id; those that can't be read are left out, and the log names them."""
    table = database.tables.orders
    try:
        return {row.id: to_order(row) for row in await table.filter(id__in=order_ids).using_db(session)}
    except _UNREADABLE:
        found = {}
        for order_id in order_ids:
            try:
                row = await table.get_or_none(id=order_id, using_db=session)
                if row is not None:
                    found[order_id] = to_order(row)
            except _UNREADABLE as error:
                _log.error("order %s can't be read: %s", order_id, error)
        return found
