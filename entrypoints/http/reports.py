"""What came of an order: execution quality, its executions as a table, and each fill explained."""

import asyncio
import csv
import io
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from enum import StrEnum

from quart import Quart, Response

from twap.domain import explain, report
from twap.domain.report import Report
from twap.entrypoints.http import answers, queries, wire
from twap.entrypoints.http.auth import caller
from twap.entrypoints.report import page as report_page
from twap.entrypoints.report.pictures import Pictures
from twap.entrypoints.services import Services
from twap.ports.errors import NotFound
from twap.ports.order import Execution, Order, Slice

_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_COLUMNS = (
    "id",
    "order_id",
    "slice",
    "symbol",
    "side",
    "quantity",
    "price",
    "fee",
    "exchange",
    "timestamp",
    "book_sequence",
    "book_exchange_time",
    "book_age_ms",
)
_MOST_SLICES = 999_999_999
LONG_SLICES = 2_000
"""Of an order whose report takes seconds."""


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    HTML = "html"


class ReportRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._long, self._working = asyncio.Semaphore(1), asyncio.Semaphore(1)

    def install(self, app: Quart) -> None:
        app.add_url_rule("/orders/<id:order_id>/report", "report", self.report, methods=["GET"])
        app.add_url_rule("/orders/<id:order_id>/explain", "explain", self.explain, methods=["GET"])

    async def report(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        wanted = queries.choice("format", Format) or Format.JSON
        order = await self._services.show(order_id, user)
        if wanted is Format.CSV:
            return await self._table(order)
        pictures = Pictures(order) if wanted is Format.HTML else None
        async with self._line_of(order):
            built = await self._built(order, pictures)
        if pictures is None:
            return answers.json(wire.plainly(report.as_dict(built)))
        async with self._working:
            page = await asyncio.to_thread(report_page.page, order, built, pictures)
        headers = {"Content-Security-Policy": _PAGE_POLICY}
        return Response(page, 200, headers, content_type="text/html; charset=utf-8")

    def _line_of(self, order: Order) -> AbstractAsyncContextManager[object]:
        """Reports of long orders are made one after the other; a short one need not wait for a whole one."""
        return self._long if order.progress.slices_done > LONG_SLICES else nullcontext()

    async def _built(self, order: Order, pictures: Pictures | None) -> Report:
        """A part is read, added up in a thread and forgotten, one at a time in the whole process: an order
        may have 86,400 slices, and neither the event loop nor the executor must wait for the sums."""
        builder = report.Builder(order)

        def add(part: Sequence[Slice]) -> None:
            builder.add(part)
            if pictures is not None:
                pictures.add(part)

        parts = aiter(self._services.storage.orders.slices_in_parts(order.id))
        while True:
            async with self._working:
                part = await anext(parts, None)
                if part is None:
                    return await asyncio.to_thread(builder.report)
                await asyncio.to_thread(add, part)

    async def _table(self, order: Order) -> Response:
        """Only the text is kept: a twentieth of what all executions would take."""
        text = io.StringIO(newline="")
        table = csv.writer(text)
        table.writerow(_COLUMNS)

        def write(part: Sequence[Execution]) -> None:
            table.writerows(map(_row, part))

        async with self._line_of(order):
            async for part in self._services.storage.orders.executions_in_parts(order.id):
                async with self._working:
                    await asyncio.to_thread(write, part)
        headers = {"Content-Disposition": f'attachment; filename="executions-{order.id}.csv"'}
        return Response(text.getvalue(), 200, headers, content_type="text/csv; charset=utf-8")

    async def explain(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        number = queries.integer("slice", None, 0, _MOST_SLICES)
        order = await self._services.show(order_id, user)
        found = await self._services.storage.orders.slice(order.id, number)
        if found is None:
            raise NotFound(f"slice {number} of order {order.id} is not over, or there is none")
        one, before = found
        return answers.json(wire.plainly(explain.explain(order, one, executed_before=before)))


def _row(execution: Execution) -> tuple[object, ...]:
    return (
        execution.id,
        execution.order_id,
        execution.slice,
        execution.symbol,
        execution.side.value,
        wire.digits(execution.quantity),
        wire.digits(execution.price),
        wire.digits(execution.fee),
        execution.exchange,
        wire.time_text(execution.timestamp),
        execution.book.sequence,
        wire.time_text(execution.book.exchange_time),
        execution.book.age_ms,
    )
