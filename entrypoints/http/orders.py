"""TWAP orders: submit, list, look at, pause, resume, cancel."""

from urllib.parse import urlencode

from quart import Quart, Response, request

from twap.entrypoints.http import answers, queries, requests, wire
from twap.entrypoints.http.auth import caller
from twap.entrypoints.http.encoded_orders import EncodedOrders
from twap.entrypoints.http.requests import OrderRequest
from twap.entrypoints.services import Services
from twap.ports.account import User
from twap.ports.errors import UnknownOrder
from twap.ports.market import canonical_symbol
from twap.ports.order import Order, OrderStatus
from twap.ports.store import PageKey

_DEFAULT_PAGE = 100
_LARGEST_PAGE = 500


class OrderRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._encoded = EncodedOrders()

    def install(self, app: Quart) -> None:
        app.add_url_rule("/orders/twap", "submit_order", self.submit, methods=["POST"])
        app.add_url_rule("/orders", "orders", self.page, methods=["GET"])
        app.add_url_rule("/orders/<id:order_id>", "order", self.show, methods=["GET"])
        app.add_url_rule("/orders/<id:order_id>", "cancel_order", self.cancel, methods=["DELETE"])
        app.add_url_rule("/orders/<id:order_id>/pause", "pause_order", self.pause, methods=["POST"])
        app.add_url_rule("/orders/<id:order_id>/resume", "resume_order", self.resume, methods=["POST"])

    async def submit(self) -> Response:
        user, _ = await caller(self._services)
        asked = await requests.body(OrderRequest)
        ticket = asked.ticket(self._services.ids.uniform)
        order = await self._services.submit(ticket, user)
        answer: dict[str, object] = {
            "message": "TWAP order accepted",
            "token_id": order.id,
            "order_id": order.id,
        }
        if order.warnings:
            answer["warnings"] = order.warnings
        return answers.json(answer)

    async def page(self) -> Response:
        user, _ = await caller(self._services)
        limit = queries.integer("limit", _DEFAULT_PAGE, 1, _LARGEST_PAGE)
        before = queries.cursor()
        status = queries.choice("status", OrderStatus)
        symbol = queries.text("symbol")
        wanted = None if symbol is None else canonical_symbol(symbol)
        order_id = queries.text("order_id")
        if order_id is not None:
            return answers.encoded(self._encoded.array(await self._named(order_id, user, status, wanted)))
        # One more than asked for tells whether there is a next page.
        orders = await self._services.storage.orders.page(
            user.id, limit=limit + 1, before=before, status=status, symbol=wanted
        )
        response = answers.encoded(self._encoded.array(orders[:limit]))
        if len(orders) > limit:
            response.headers["Link"] = _next_page(orders[limit - 1])
        return response

    async def _named(
        self, order_id: str, user: User, status: OrderStatus | None, symbol: str | None
    ) -> list[Order]:
        try:
            order = await self._services.show(order_id, user)
        except UnknownOrder:
            return []
        fits = status in (None, order.status) and symbol in (None, order.ticket.symbol)
        return [order] if fits else []

    async def show(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        order = await self._services.show(order_id, user)
        tag = f'W/"{order.id}-{order.progress.revision}"'
        if order.status.over and (unchanged := answers.unchanged(tag)):
            return unchanged
        executions = await self._services.storage.orders.executions(order.id)
        body = wire.encode(
            {
                **wire.order_object(order),
                "executions": [wire.execution_object(each) for each in executions],
            }
        )
        return answers.tagged(body, tag) if order.status.over else answers.encoded(body)

    async def cancel(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        return self._answer(await self._services.cancel(order_id, user))

    async def pause(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        return self._answer(await self._services.pause(order_id, user))

    async def resume(self, order_id: str) -> Response:
        user, _ = await caller(self._services)
        return self._answer(await self._services.resume(order_id, user))

    def _answer(self, order: Order) -> Response:
        return answers.encoded(self._encoded.one(order))


def _next_page(last: Order) -> str:
    """The same question, going on after the last order of this page (RFC 8288)."""
    cursor = queries.cursor_of(PageKey(last.created_at, last.id))
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f'</orders?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
