import asyncio
import csv
import io
from decimal import Decimal

import jsonschema
import pytest

from tests.api.conftest import exact, make_api, problem
from tests.fakes.memory_store import MemoryOrders, MemoryStorage
from tests.fakes.orders import advanced, make_execution, make_slice, record
from twap.entrypoints.http import openapi, reports
from twap.ports.order import OrderStatus
from twap.ports.store import Step


def assert_fits(answer, schema):
    """The answer is what the OpenAPI document promises."""
    document = openapi.document()
    promised = {**document["components"]["schemas"][schema], "components": document["components"]}
    jsonschema.validate(answer, promised)


@pytest.fixture
async def headers(api):
    return await api.sign_in()


@pytest.fixture
async def order_id(api, headers):
    """An order of which one slice is over: 0.2 filled at 100635.65."""
    order_id = await api.submit(headers)
    orders = api.services.storage.orders
    claimed = await orders.claim("test", now=api.services.clock.now(), lease_seconds=60, limit=1)
    order = claimed[0].order
    fill = make_execution(
        order,
        quantity=Decimal("0.20"),
        price=Decimal("100635.65"),
        fee=Decimal("20.12713"),
        exchange="Binance",
    )
    done = make_slice(order, executions=(fill,))
    later = advanced(
        order,
        status=OrderStatus.EXECUTING,
        slices_done=1,
        executed=fill.quantity,
        notional=fill.quantity * fill.price,
        fees=fill.fee,
        lots_count=1,
    )
    await record(orders, [Step(later, claimed[0].fence, (done,))])
    return order_id


async def test_order_when_a_slice_is_filled_then_totals_and_execution_are_exact(api, headers, order_id):
    order = await api.order(order_id, headers)
    assert (order["percent_exec"], order["avg_exec_price"]) == (40, Decimal("100635.65"))
    assert (order["total_exec"], order["lots_count"], order["fees"]) == (
        Decimal("0.2"),
        1,
        Decimal("20.12713"),
    )
    (execution,) = order["executions"]
    assert execution.keys() == {
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
        "book",
    }
    assert execution["book"].keys() == {"sequence", "exchange_time", "age_ms"}
    assert (execution["quantity"], execution["price"]) == (Decimal("0.2"), Decimal("100635.65"))


async def test_list_when_an_order_moves_on_then_shows_its_new_state(api, headers, order_id):
    first = await (await api.client.get("/orders", headers=headers)).get_json()
    await api.client.post(f"/orders/{order_id}/pause", headers=headers)
    second = await (await api.client.get("/orders", headers=headers)).get_json()
    assert (first[0]["status"], second[0]["status"]) == ("executing", "paused")


async def test_report_when_no_form_is_asked_then_json_with_exact_numbers(api, headers, order_id):
    response = await api.client.get(f"/orders/{order_id}/report", headers=headers)
    assert response.content_type == "application/json"
    told = exact(await response.get_data())
    assert (told["average_price"], told["fill_rate"]) == (Decimal("100635.65"), Decimal("0.4"))
    assert_fits(told, "Report")


async def test_report_when_csv_then_one_row_per_execution(api, headers, order_id):
    response = await api.client.get(f"/orders/{order_id}/report?format=csv", headers=headers)
    assert response.mimetype == "text/csv"
    assert f'filename="executions-{order_id}.csv"' in response.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(await response.get_data(as_text=True)))
    assert (row["quantity"], row["price"], row["slice"]) == ("0.2", "100635.65", "1")


async def test_report_when_html_then_a_page_that_may_load_nothing(api, headers, order_id):
    response = await api.client.get(f"/orders/{order_id}/report?format=html", headers=headers)
    assert response.mimetype == "text/html"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "script-src" not in response.headers["Content-Security-Policy"]


class WatchedOrders(MemoryOrders):
    """read: whose part was read, in turn. awaited: so many reports are asked for before the first part."""

    def __init__(self):
        super().__init__()
        self.read, self.awaited, self.asked = [], 0, asyncio.Event()

    async def get(self, order_id):
        self.awaited -= 1
        if self.awaited == 0:
            self.asked.set()
        return await super().get(order_id)

    async def slices_in_parts(self, order_id):
        await self.asked.wait()
        async for part in super().slices_in_parts(order_id):
            self.read.append(order_id)
            yield part


@pytest.mark.parametrize("form", ["json", "html"])
async def test_report_when_several_are_asked_for_then_long_ones_in_turn_and_a_short_one_between(
    monkeypatch, form
):
    monkeypatch.setattr(reports, "LONG_SLICES", 5)
    storage = MemoryStorage()
    storage.orders = orders = WatchedOrders()
    storage.is_open = True
    api = make_api(storage=storage)
    headers = await api.sign_in()
    ids = [await api.submit(headers, duration_seconds=60) for _ in range(3)]
    now = api.services.clock.now()
    claimed = {each.order.id: each for each in await orders.claim("me", now=now, lease_seconds=60, limit=3)}
    for order_id, count in zip(ids, (20, 20, 2), strict=True):
        later = advanced(claimed[order_id].order, status=OrderStatus.EXECUTING, slices_done=count)
        slices = tuple(make_slice(later, number) for number in range(1, count + 1))
        await record(orders, [Step(later, claimed[order_id].fence, slices)])
    orders.awaited = 3
    answers = await asyncio.gather(
        *(api.client.get(f"/orders/{order_id}/report?format={form}", headers=headers) for order_id in ids)
    )
    assert [answer.status_code for answer in answers] == [200] * 3
    first, second, short = ids
    assert [each for each in orders.read if each != short] == [first] * 7 + [second] * 7
    assert orders.read.index(short) < 7


async def test_report_when_form_is_unknown_then_422(api, headers, order_id):
    response = await api.client.get(f"/orders/{order_id}/report?format=pdf", headers=headers)
    assert "json, csv, html" in (await problem(response, 422))["detail"]


async def test_explain_when_slice_is_over_then_explained(api, headers, order_id):
    response = await api.client.get(f"/orders/{order_id}/explain?slice=1", headers=headers)
    told = await response.get_json()
    assert (response.status_code, told["slice"]) == (200, 1)
    assert_fits(told, "Explanation")


async def test_explain_when_slice_is_not_over_then_404(api, headers, order_id):
    await problem(await api.client.get(f"/orders/{order_id}/explain?slice=2", headers=headers), 404)


@pytest.mark.parametrize("query", ["", "?slice=", "?slice=-1", "?slice=one", "?slice=9999999999"])
async def test_explain_when_slice_is_no_number_then_422(api, headers, order_id, query):
    response = await api.client.get(f"/orders/{order_id}/explain{query}", headers=headers)
    assert (await problem(response, 422))["errors"][0]["field"] == "slice"


@pytest.mark.parametrize("tail", ["report", "report?format=csv", "report?format=html", "explain?slice=1"])
async def test_report_when_order_is_anothers_then_404(api, order_id, tail):
    response = await api.client.get(f"/orders/{order_id}/{tail}", headers=await api.sign_in("bob"))
    await problem(response, 404)
