"""Orders with their claims, slices and executions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from twap.plugins.storage.database import Database
from twap.plugins.storage.fields import EPOCH, to_microseconds
from twap.plugins.storage.lookups import Lookups
from twap.plugins.storage.models import ExecutionRow, SliceRow
from twap.plugins.storage.reading import read_orders
from twap.plugins.storage.recent_orders import RecentOrders
from twap.plugins.storage.recording import StepBatch
from twap.plugins.storage.rows import (
    OrderKey,
    order_values,
    stage_values,
    to_execution,
    to_key,
    to_order,
    to_slice,
    totals_values,
)
from twap.plugins.storage.statements import (
    CLAIM_ORDER,
    INSERT_ORDER,
    OLDER,
    PAGE,
    UPDATE_PROGRESS,
)
from twap.ports.errors import StorageError
from twap.ports.market import ZERO
from twap.ports.numbers import add, exact_sum
from twap.ports.order import Execution, Order, OrderStatus, Slice
from twap.ports.store import Claimed, PageKey

UNFINISHED = [status.value for status in OrderStatus if not status.over]

ROWS_WITHOUT_PAUSE = 400
"""So many rows are read and decoded before the event loop gets a turn: some 30 ms."""

SLICES_WITHOUT_PAUSE = 100
"""With looks of ten levels on four exchanges these take as long."""


class TortoiseOrders:
    """A `twap.ports.store.OrderStore`."""

    def __init__(self, database: Database, lookups: Lookups) -> None:
        self._database, self._lookups = database, lookups
        self._tables = database.tables
        self._recent = RecentOrders(database)

    async def add(self, order: Order) -> Order:
        try:
            async with self._database.writing() as session:
                statement = self._database.sql(INSERT_ORDER)
                if await session.execute_query_dict(statement, list(order_values(order))):
                    return order
                twin = await self._tables.orders.get(
                    user_id=order.user_id, client_order_id=order.ticket.client_order_id, using_db=session
                )
                return to_order(twin)
        except IntegrityError as error:
            raise StorageError(f"the order {order.id} is stored already") from error

    async def get(self, order_id: str) -> Order | None:
        async with self._database.reading() as session:
            row = await self._tables.orders.get_or_none(id=order_id, using_db=session)
            return None if row is None else to_order(row)

    async def find(self, user_id: str, client_order_id: str) -> Order | None:
        async with self._database.reading() as session:
            row = await self._tables.orders.get_or_none(
                user_id=user_id, client_order_id=client_order_id, using_db=session
            )
            return None if row is None else to_order(row)

    async def page(
        self,
        user_id: str,
        *,
        limit: int,
        before: PageKey | None = None,
        status: OrderStatus | None = None,
        symbol: str | None = None,
    ) -> Sequence[Order]:
        statement, values = page_statement(user_id, limit, before, status, symbol)
        rows = await self._lookups.rows(statement, values)
        return await self._recent.orders([(row["id"], row["revision"]) for row in rows])

    async def unfinished(self, user_id: str) -> Sequence[Order]:
        async with self._database.reading() as session:
            query = self._tables.orders.filter(user_id=user_id, status__in=UNFINISHED)
            rows = await query.order_by("created_at", "id").using_db(session)
            return [to_order(row) for row in rows]

    async def count_unfinished(self, user_id: str) -> int:
        async with self._database.reading() as session:
            query = self._tables.orders.filter(user_id=user_id, status__in=UNFINISHED)
            return await query.using_db(session).count()

    async def executions(self, order_id: str, after_slice: int = 0) -> Sequence[Execution]:
        parts = self.executions_in_parts(order_id, after_slice)
        return [fill async for part in parts for fill in part]

    async def executions_in_parts(
        self, order_id: str, after_slice: int = 0
    ) -> AsyncIterator[Sequence[Execution]]:
        """A part is of some hundred slices; nothing stays open while the caller is at work."""
        last = after_slice
        while True:
            async with self._database.reading() as session:
                order = await self._key(session, order_id)
                if order is None:
                    return
                slices = self._tables.slices.filter(order_entry=order.entry, number__gt=last)
                slices = slices.order_by("number").limit(ROWS_WITHOUT_PAUSE).using_db(session)
                rows = await slices.values_list("id", "number", "looked_at")
                if not rows:
                    return
                fills = await self._fills(session, [row_id for row_id, _, _ in rows])
                part = [
                    to_execution(fill, order, number, looked_at)
                    for row_id, number, looked_at in rows
                    for fill in fills[row_id]
                ]
            if part:
                yield part
            last = rows[-1][1]

    async def slices(self, order_id: str) -> Sequence[Slice]:
        return [one async for part in self.slices_in_parts(order_id) for one in part]

    async def slices_in_parts(self, order_id: str) -> AsyncIterator[Sequence[Slice]]:
        """A slice and its executions are stored together and never change."""
        last = -1
        while part := await self._slices_after(order_id, last):
            yield part
            last = part[-1].number

    async def _slices_after(self, order_id: str, last: int) -> Sequence[Slice]:
        """Nothing stays open while the caller of `slices_in_parts` is at work."""
        async with self._database.reading() as session:
            order = await self._key(session, order_id)
            if order is None:
                return []
            query = self._tables.slices.filter(order_entry=order.entry, number__gt=last)
            rows = await query.order_by("number").limit(SLICES_WITHOUT_PAUSE).using_db(session)
            return await self._whole(session, order, rows)

    async def slice(self, order_id: str, number: int) -> tuple[Slice, Decimal] | None:
        async with self._database.reading() as session:
            order = await self._key(session, order_id)
            if order is None:
                return None
            own = self._tables.slices.filter(order_entry=order.entry)
            rows = await own.filter(number=number).using_db(session)
            if not rows:
                return None
            last, before = -1, ZERO
            while True:
                part = own.filter(number__gt=last, number__lt=number)
                part = part.order_by("number").limit(ROWS_WITHOUT_PAUSE).using_db(session)
                filled = await part.values_list("number", "filled")
                if not filled:
                    [piece] = await self._whole(session, order, rows)
                    return piece, before
                before = add(before, exact_sum(quantity for _, quantity in filled))
                last = filled[-1][0]

    async def _key(self, session: BaseDBAsyncClient, order_id: str) -> OrderKey | None:
        row = self._tables.orders.get_or_none(id=order_id, using_db=session)
        found = await row.only("entry", "id", "symbol", "ticket")
        return None if found is None else to_key(found)

    async def _whole(
        self, session: BaseDBAsyncClient, order: OrderKey, rows: Sequence[SliceRow]
    ) -> Sequence[Slice]:
        """With their looks and executions."""
        looks = self._tables.looks.filter(id__in={row.look_id for row in rows if row.look_id is not None})
        packed = {look.id: look.packed for look in await looks.using_db(session)}
        fills = await self._fills(session, [row.id for row in rows])
        return [to_slice(row, order, packed.get(row.look_id), fills[row.id]) for row in rows]

    async def _fills(
        self, session: BaseDBAsyncClient, slice_ids: Sequence[int]
    ) -> Mapping[int, Sequence[ExecutionRow]]:
        """Of each slice, in the order in which they were filled. In parts, as a slice may have thousands."""
        fills: dict[int, list[ExecutionRow]] = {slice_id: [] for slice_id in slice_ids}
        query = self._tables.executions.filter(slice_id__in=slice_ids)
        part = query
        while True:
            rows = await part.order_by("slice_id", "position").limit(ROWS_WITHOUT_PAUSE).using_db(session)
            for row in rows:
                fills[row.slice_id].append(row)
            if len(rows) < ROWS_WITHOUT_PAUSE:
                return fills
            last = rows[-1]
            rest = Q(slice_id__gt=last.slice_id) | Q(position__gt=last.position)
            part = query.filter(rest, slice_id__gte=last.slice_id)

    async def change(self, order: Order) -> bool:
        base = order.progress.revision - 1
        async with self._database.writing() as session:
            row = await self._tables.orders.get_or_none(id=order.id, using_db=session).only("id", "entry")
            if row is None:
                return False
            statement = self._database.sql(UPDATE_PROGRESS)
            values = [*stage_values(order.progress), *totals_values(order.progress), row.entry, base]
            changed, _ = await session.execute_query(statement, values)
            return changed == 1

    async def claim(
        self, owner: str, *, now: datetime, lease_seconds: float, limit: int
    ) -> Sequence[Claimed]:
        until = now + timedelta(seconds=lease_seconds)
        claimed: list[Claimed] = []
        async with self._database.writing() as session:
            while len(claimed) < limit:
                part = min(ROWS_WITHOUT_PAUSE, limit - len(claimed))
                taken = await self._claim_part(session, owner, now, until, part)
                if not taken:
                    break
                claimed += taken
        return claimed

    async def _claim_part(
        self, session: BaseDBAsyncClient, owner: str, now: datetime, until: datetime, limit: int
    ) -> list[Claimed]:
        """PostgreSQL passes over rows that another process is claiming; SQLite has one writer. What can't be
        read is claimed, too: else it would stand before the others at every claim."""
        free = self._tables.orders.filter(status__in=UNFINISHED, claim_until__lte=now).only("id", "fence")
        rows = (
            await free.order_by("starts_at", "id")
            .limit(limit)
            .select_for_update(skip_locked=True)
            .using_db(session)
        )
        values = [[owner, to_microseconds(until), row.fence + 1, row.id] for row in rows]
        if not values:
            return []
        await session.execute_many(self._database.sql(CLAIM_ORDER), values)
        orders = await read_orders(self._database, session, [row.id for row in rows])
        return [Claimed(orders[row.id], row.fence + 1) for row in rows if row.id in orders]

    async def renew(self, owner: str, *, now: datetime, lease_seconds: float) -> None:
        until = now + timedelta(seconds=lease_seconds)
        async with self._database.writing() as session:
            mine = self._tables.orders.filter(claim_owner=owner, status__in=UNFINISHED)
            await mine.using_db(session).update(claim_until=until)

    async def release(self, owner: str) -> None:
        async with self._database.writing() as session:
            mine = self._tables.orders.filter(claim_owner=owner)
            await mine.using_db(session).update(claim_owner=None, claim_until=EPOCH)

    def batch(self) -> StepBatch:
        return StepBatch(self._database)


def page_statement(
    user_id: str, limit: int, before: PageKey | None, status: OrderStatus | None, symbol: str | None
) -> tuple[str, list[object]]:
    """A statement for ids and revisions, with its values."""
    conditions: list[str] = ["user_id = ?"]
    values: list[object] = [user_id]
    if status is not None:
        conditions.append("status = ?")
        values.append(status.value)
    if symbol is not None:
        conditions.append("symbol = ?")
        values.append(symbol)
    if before is not None:
        conditions.append(OLDER)
        moment = to_microseconds(before.created_at)
        values += [moment, moment, before.order_id]
    return PAGE.format(conditions=" AND ".join(conditions)), [*values, limit]
