"""What came of an order: execution quality, its executions as a table, and each fill explained."""

import asyncio
import csv
import io
from collections.abc import Sequence
from enum import StrEnum

from quart import Quart, Response

from twap.domain import explain, report
from twap.entrypoints import report_page
from twap.entrypoints.http import answers, queries, wire
from twap.entrypoints.http.auth import caller
from twap.entrypoints.services import Services
from twap.ports.errors import NotFound
from twap.ports.order import Execution, Order

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


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    HTML = "html"


class ReportRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services

    def install(self, app: Quart) -> None:
        app.add_url_rule("/orders/<id:order_id>/report", "report", self.report, methods=["GET"])
        app.add_url_rule("/orders/<id:order_id>/explain", "explain", self.explain, methods=["GET"])

    async def report(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        wanted = queries.choice("format", Format) or Format.JSON
        order = await self._services.show(order_id, user)
        if wanted is Format.CSV:
            return _table(order, await self._services.storage.orders.executions(order.id))
        slices = await self._services.storage.orders.slices(order.id)
        # An order may have 86,400 slices: the event loop must not wait for the sums over them.
        built = await asyncio.to_thread(report.build, order, slices)
        if wanted is Format.JSON:
            return answers.json(wire.plainly(report.as_dict(built)))
        page = await asyncio.to_thread(report_page.render, order, built, slices)
        headers = {"Content-Security-Policy": _PAGE_POLICY}
        return Response(page, 200, headers, content_type="text/html; charset=utf-8")

    async def explain(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        number = queries.integer("slice", None, 0, _MOST_SLICES)
        order = await self._services.show(order_id, user)
        found = await self._services.storage.orders.slice(order.id, number)
        if found is None:
            raise NotFound(f"slice {number} of order {order.id} is not over, or there is none")
        one, before = found
        return answers.json(wire.plainly(explain.explain(order, one, executed_before=before)))


def _table(order: Order, executions: Sequence[Execution]) -> Response:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    for each in executions:
        table.writerow(
            (
                each.id,
                each.order_id,
                each.slice,
                each.symbol,
                each.side.value,
                wire.digits(each.quantity),
                wire.digits(each.price),
                wire.digits(each.fee),
                each.exchange,
                wire.time_text(each.timestamp),
                each.book.sequence,
                wire.time_text(each.book.exchange_time),
                each.book.age_ms,
            )
        )
    headers = {"Content-Disposition": f'attachment; filename="executions-{order.id}.csv"'}
    return Response(text.getvalue(), 200, headers, content_type="text/csv; charset=utf-8")
