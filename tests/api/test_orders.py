from decimal import Decimal

import pytest

from tests.api.conftest import ORDER, make_api, problem
from tests.fakes.feed import FakeFeed


@pytest.fixture
async def headers(api):
    return await api.sign_in()


async def test_submit_when_valid_then_accepted_and_executor_woken():
    woken = []
    api = make_api(wake_executor=lambda: woken.append(True))
    response = await api.client.post("/orders/twap", headers=await api.sign_in(), json=ORDER)
    told = await response.get_json()
    assert response.status_code == 200
    assert told["message"] == "TWAP order accepted"
    assert told["order_id"] == told["token_id"]
    assert woken == [True]


async def test_submit_when_all_is_given_then_all_is_stored(api, headers):
    order_id = await api.submit(
        headers,
        symbol="btc-usdt",
        exchanges=["kucoin", "BINANCE"],
        slice_interval_seconds=2.5,
        client_order_id="morning-1",
        start_at="2025-02-01T13:00:00",
        randomize={"size": 0.25, "time": "0.5", "seed": 7},
        max_participation=0.1,
        catch_up=2.5,
        latency_ms=250,
        fees="include",
    )
    stored = await api.services.storage.orders.get(order_id)
    ticket = stored.ticket
    assert (ticket.symbol, ticket.exchanges) == ("BTCUSDT", ("Kucoin", "Binance"))
    assert (ticket.interval.total_seconds(), ticket.latency.total_seconds()) == (2.5, 0.25)
    assert (ticket.max_participation, ticket.catch_up) == (Decimal("0.1"), Decimal("2.5"))
    assert (ticket.randomize.size, ticket.randomize.seed) == (Decimal("0.25"), 7)
    assert stored.starts_at.isoformat() == "2025-02-01T13:00:00+00:00"
    order = await api.order(order_id, headers)
    assert (order["exchange"], order["exchanges"]) == ("Kucoin, Binance", ["Kucoin", "Binance"])
    assert (order["slice_interval"], order["client_order_id"]) == (Decimal("2.5"), "morning-1")


async def test_submit_when_repeated_with_its_key_then_same_order_else_409(api, headers):
    keyed = {"client_order_id": "k", "randomize": {"size": 0.1}}
    first = await api.submit(headers, **keyed)
    assert await api.submit(headers, **keyed) == first
    other = {**ORDER, **keyed, "total_quantity": 0.6}
    await problem(await api.client.post("/orders/twap", headers=headers, json=other), 409)


async def test_submit_when_slices_are_empty_then_warned(api, headers):
    tiny = {**ORDER, "total_quantity": "0.00003"}
    told = await (await api.client.post("/orders/twap", headers=headers, json=tiny)).get_json()
    assert "7 of 10 slices are empty" in told["warnings"][0]


async def test_submit_when_no_token_then_401_before_anything_else(api):
    await problem(await api.client.post("/orders/twap", data=b"{"), 401)


async def test_submit_when_exchange_is_away_then_503():
    api = make_api(feed=FakeFeed(down={"Binance": "refused"}))
    await problem(await api.client.post("/orders/twap", headers=await api.sign_in(), json=ORDER), 503)


async def test_numbers_when_sent_then_stored_and_answered_digit_by_digit(api, headers):
    body = (
        '{"symbol": "PEPEUSDT", "side": "sell", "total_quantity": 123456789012345678,'
        ' "limit_price": 0.00000001, "duration_seconds": 86400, "exchanges": ["Binance"]}'
    )
    response = await api.client.post("/orders/twap", headers=headers, data=body)
    order_id = (await response.get_json())["order_id"]
    text = await (await api.client.get(f"/orders/{order_id}", headers=headers)).get_data(as_text=True)
    assert '"quantity":123456789012345678,' in text
    assert '"limit_price":0.00000001,' in text


@pytest.mark.parametrize("written", ["0.1", '"0.1"', "0.10", "1e-1", '"0.100"'])
async def test_numbers_when_a_tenth_is_sent_then_a_tenth_is_stored(api, headers, written):
    body = (
        '{"symbol": "BTCUSDT", "side": "buy", "limit_price": 1000, "duration_seconds": 10,'
        f' "exchanges": ["Binance"], "total_quantity": {written}}}'
    )
    response = await api.client.post("/orders/twap", headers=headers, data=body)
    order_id = (await response.get_json())["order_id"]
    assert str((await api.services.storage.orders.get(order_id)).ticket.quantity) == "0.1"
    text = await (await api.client.get(f"/orders/{order_id}", headers=headers)).get_data(as_text=True)
    assert '"quantity":0.1,' in text


async def test_order_when_new_then_has_every_field_of_the_contract(api, headers):
    order_id = await api.submit(headers)
    order = await api.order(order_id, headers)
    user_id = (await api.services.storage.users.by_key("alice")).id
    assert order == {
        "order_id": order_id,
        "client_order_id": None,
        "user_id": user_id,
        "symbol": "BTCUSDT",
        "exchange": "Binance",
        "exchanges": ["Binance"],
        "side": "buy",
        "limit_price": Decimal("101000.5"),
        "quantity": Decimal("0.5"),
        "duration": 10,
        "slice_interval": 1,
        "status": "pending",
        "outcome": None,
        "created_at": "2025-02-01T12:00:00Z",
        "starts_at": "2025-02-01T12:00:00Z",
        "started_at": None,
        "ended_at": None,
        "percent_exec": 0,
        "avg_exec_price": 0,
        "lots_count": 0,
        "total_exec": 0,
        "fees": 0,
        "slices_done": 0,
        "slices_total": 10,
        "warnings": [],
        "note": None,
        "executions": [],
    }


@pytest.mark.parametrize("path", ["/orders", "/orders/"])
async def test_orders_when_there_are_none_then_empty_array(api, headers, path):
    response = await api.client.get(path, headers=headers)
    assert (response.status_code, await response.get_data()) == (200, b"[]")


async def test_orders_when_others_have_some_then_only_ones_own_newest_first(api, headers):
    await api.submit(await api.sign_in("bob"))
    mine = [await api.submit(headers) for _ in range(3)]
    told = await (await api.client.get("/orders", headers=headers)).get_json()
    assert [each["order_id"] for each in told] == mine[::-1]
    assert "executions" not in told[0]


async def test_orders_when_paged_while_orders_are_added_then_each_comes_once(api, headers):
    mine = [await api.submit(headers) for _ in range(5)]
    seen, address = [], "/orders?limit=2&symbol=BTC-USDT"
    while address:
        response = await api.client.get(address, headers=headers)
        seen += [each["order_id"] for each in await response.get_json()]
        link = response.headers.get("Link")
        address = link and link[1 : link.index(">")]
        assert link is None or link.endswith('>; rel="next"')
        await api.submit(headers)
    assert seen == mine[::-1]


async def test_orders_when_filtered_then_only_those(api, headers):
    first, second = await api.submit(headers), await api.submit(headers, symbol="ETHUSDT")
    await api.client.delete(f"/orders/{first}", headers=headers)
    for query, expected in (
        ("status=canceled", [first]),
        ("status=pending", [second]),
        ("symbol=eth/usdt", [second]),
        (f"order_id={first}", [first]),
        (f"order_id={first}&status=pending", []),
        (f"order_id={first}&symbol=ETHUSDT", []),
        ("order_id=nosuch", []),
    ):
        told = await (await api.client.get(f"/orders?{query}", headers=headers)).get_json()
        assert [each["order_id"] for each in told] == expected, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=", "limit"),
        ("status=done", "status"),
        ("cursor=nonsense", "cursor"),
        ("cursor=MTIz", "cursor"),
        ("cursor=%00", "cursor"),
        ("symbol=", "symbol"),
    ],
)
async def test_orders_when_query_is_wrong_then_422_naming_the_parameter(api, headers, query, field):
    told = await problem(await api.client.get(f"/orders?{query}", headers=headers), 422)
    assert told["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")]
)
async def test_order_when_unknown_or_anothers_then_the_same_404(api, headers, method, tail):
    anothers = await api.submit(await api.sign_in("bob"))
    for order_id in (anothers, "f" * 32, "nonsense"):
        response = await api.client.open(f"/orders/{order_id}{tail}", method=method, headers=headers)
        assert (await problem(response, 404))["detail"] == f"no order {order_id!r}"


async def test_order_when_paused_resumed_and_cancelled_then_status_follows(api, headers):
    order_id = await api.submit(headers)
    for method, tail, status in (
        ("POST", "/pause", "paused"),
        ("POST", "/resume", "pending"),
        ("DELETE", "", "canceled"),
    ):
        response = await api.client.open(f"/orders/{order_id}{tail}", method=method, headers=headers)
        assert (response.status_code, (await response.get_json())["status"]) == (200, status)
    order = await api.order(order_id, headers)
    assert (order["status"], order["outcome"], order["ended_at"]) == (
        "canceled",
        "unfilled",
        "2025-02-01T12:00:00Z",
    )


@pytest.mark.parametrize(("method", "tail"), [("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")])
async def test_order_when_over_then_changing_it_is_409(api, headers, method, tail):
    order_id = await api.submit(headers)
    await api.client.delete(f"/orders/{order_id}", headers=headers)
    response = await api.client.open(f"/orders/{order_id}{tail}", method=method, headers=headers)
    assert "is canceled" in (await problem(response, 409))["detail"]


async def test_order_when_over_and_client_has_it_then_304_but_never_while_it_runs(api, headers):
    order_id = await api.submit(headers)
    assert "ETag" not in (await api.client.get(f"/orders/{order_id}", headers=headers)).headers
    await api.client.delete(f"/orders/{order_id}", headers=headers)
    tag = (await api.client.get(f"/orders/{order_id}", headers=headers)).headers["ETag"]
    asked = {**headers, "If-None-Match": tag}
    assert (await api.client.get(f"/orders/{order_id}", headers=asked)).status_code == 304
    stranger = {**await api.sign_in("bob"), "If-None-Match": tag}
    await problem(await api.client.get(f"/orders/{order_id}", headers=stranger), 404)
