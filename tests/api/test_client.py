"""The client against the app, over a real socket on loopback."""

import asyncio
import socket
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.fakes.clock import NOON
from tests.fakes.feed import FakeFeed
from tests.fakes.services import make_services
from twap.entrypoints.client import ApiError, ServerUnreachable, StreamRefused, TwapClient, connect, live
from twap.entrypoints.http.app import create_app
from twap.entrypoints.ws.hub import Hub
from twap.ports.bus import OrderChanged
from twap.ports.market import Candle

PASSWORD = "correct horse"
ORDER = {
    "symbol": "BTC-USDT",
    "side": "buy",
    "total_quantity": Decimal("0.50001"),
    "limit_price": "101000.5",
    "duration_seconds": 10,
    "exchanges": ["binance"],
}


@asynccontextmanager
async def running(services, *, with_socket=True):
    """The app behind Hypercorn; gives its address. It has no executor: orders change when a test says so."""
    app = create_app(services)
    hub = Hub(services)
    if with_socket:
        hub.install(app)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 1
    config.errorlog = config.accesslog = None
    stop = asyncio.Event()
    server = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await hub.close(1)
        stop.set()
        await asyncio.wait_for(server, 5)


@pytest.fixture
def services():
    return make_services()


@pytest.fixture
async def twap(services):
    async with running(services) as url, TwapClient(url) as client:
        yield client


@pytest.fixture
async def alice(twap):
    await twap.register("alice", PASSWORD)
    await twap.log_in("alice", PASSWORD)
    return twap


async def change(services, order_id, **progress):
    """Store new progress of an order and tell everybody, as the executor does."""
    order = await services.storage.orders.get(order_id)
    changed = order.advanced(replace(order.progress, revision=order.progress.revision + 1, **progress))
    assert await services.storage.orders.change(changed)
    services.bus.publish(OrderChanged(changed))


async def test_markets_when_asked_then_names_and_exact_candles(services):
    candle = Candle(NOON, *map(Decimal, ("0.1", "100635.65", "0.00000001", "1", "12345.678901234567890123")))
    feed = FakeFeed(history={("Binance", "BTCUSDT", "1h"): [candle]})
    async with running(make_services(feed=feed)) as url, connect(url) as twap:
        assert await twap.exchanges() == ["Binance", "Kucoin"]
        assert (await twap.symbols("kucoin")) == ["BTCUSDT", "ETHUSDT"]
        assert (await twap.exchange_status())["Binance"]["state"] == "live"
        klines = await twap.klines("binance", "BTC/USDT", "1h", NOON, NOON + timedelta(hours=1))
    assert klines["2025-02-01T12:00:00Z"]["Volume"] == Decimal("12345.678901234567890123")
    assert klines["2025-02-01T12:00:00Z"]["Low"] == Decimal("0.00000001")


async def test_submit_when_accepted_then_the_order_has_the_digits_that_were_sent(alice):
    order = await alice.submit(**ORDER, client_order_id="mine", start_at=datetime(2025, 2, 1, 13, tzinfo=UTC))
    assert order["quantity"] == Decimal("0.50001")
    assert order["limit_price"] == Decimal("101000.5")
    assert (order["symbol"], order["exchanges"]) == ("BTCUSDT", ["Binance"])
    assert (order["client_order_id"], order["starts_at"]) == ("mine", "2025-02-01T13:00:00Z")
    assert order == await alice.order(order["order_id"])


async def test_submit_when_fields_are_wrong_then_the_error_names_them(alice):
    with pytest.raises(ApiError) as caught:
        await alice.submit(**{**ORDER, "side": "hold", "limit_price": -1})
    assert caught.value.status == 422
    assert [each["field"] for each in caught.value.errors] == ["side", "limit_price"]


async def test_orders_when_there_are_several_pages_then_all_come_newest_first(alice, services):
    submitted = []
    for _ in range(5):
        submitted.append((await alice.submit(**ORDER))["order_id"])
        services.clock.jump(1)
    listed = [order["order_id"] async for order in alice.orders(page_size=2)]
    assert listed == submitted[::-1]
    assert [order async for order in alice.orders(status="completed")] == []


async def test_order_when_paused_resumed_and_cancelled_then_each_status_is_given(alice):
    order_id = (await alice.submit(**ORDER))["order_id"]
    assert (await alice.pause(order_id))["status"] == "paused"
    assert (await alice.resume(order_id))["status"] == "pending"
    assert (await alice.cancel(order_id))["status"] == "canceled"
    with pytest.raises(ApiError, match="is canceled") as caught:
        await alice.cancel(order_id)
    assert caught.value.status == 409


async def test_report_when_asked_then_it_is_exact_and_can_be_a_table(alice):
    order_id = (await alice.submit(**ORDER))["order_id"]
    assert (await alice.report(order_id))["quantity"] == Decimal("0.50001")
    assert (await alice.report_text(order_id, "csv")).startswith("id,order_id,slice")


async def test_explain_when_the_slice_is_not_over_then_404(alice):
    order_id = (await alice.submit(**ORDER))["order_id"]
    with pytest.raises(ApiError) as caught:
        await alice.explain(order_id, 1)
    assert caught.value.status == 404


async def test_orders_when_nobody_is_logged_in_then_401(twap):
    with pytest.raises(ApiError, match="log in first") as caught:
        await twap.order("any")
    assert caught.value.status == 401


async def test_tokens_when_the_access_token_expires_then_requests_go_on(alice, services):
    services.clock.jump(1000)
    many = await asyncio.gather(*(alice.submit(**ORDER) for _ in range(5)))
    assert len({order["order_id"] for order in many}) == 5


async def test_tokens_when_the_refresh_token_expires_too_then_401(alice, services):
    services.clock.jump(10_000)
    with pytest.raises(ApiError) as caught:
        await alice.submit(**ORDER)
    assert caught.value.status == 401


async def test_token_when_it_is_given_then_it_is_used(alice, services):
    access = await alice._http.login.access_token()
    async with TwapClient(alice._http.url, access) as other:
        assert [order async for order in other.orders()] == []


async def test_log_out_when_done_then_the_client_has_no_token(alice):
    await alice.log_out()
    with pytest.raises(ApiError, match="log in first"):
        await alice.order("any")


async def test_unregister_when_done_then_the_name_is_free(alice):
    await alice.unregister()
    await alice.register("alice", PASSWORD)


async def test_watch_when_the_order_changes_then_each_state_comes_until_it_is_over(alice, services):
    order_id = (await alice.submit(**ORDER))["order_id"]
    await alice.submit(**ORDER)  # another one, of which nothing must be heard
    done = []
    async with aclosing(alice.watch(order_id)) as states:
        async for state in states:
            done.append((state["status"], state["slices_done"]))
            if len(done) == 1:
                await change(services, order_id, slices_done=1)
            elif len(done) == 2:
                await alice.cancel(order_id)
    assert done == [("pending", 0), ("pending", 1), ("canceled", 1)]


@pytest.mark.parametrize("with_socket", [True, False])
async def test_watch_when_the_order_is_over_then_its_last_state_comes(services, monkeypatch, with_socket):
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    async with running(services, with_socket=with_socket) as url, TwapClient(url) as twap:
        await twap.register("alice", PASSWORD)
        await twap.log_in("alice", PASSWORD)
        order_id = (await twap.submit(**ORDER))["order_id"]
        await twap.cancel(order_id)
        assert [state["status"] async for state in twap.watch(order_id)] == ["canceled"]


async def test_watch_when_there_is_no_socket_then_changes_are_polled(services, monkeypatch):
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    async with running(services, with_socket=False) as url, TwapClient(url) as twap:
        await twap.register("alice", PASSWORD)
        await twap.log_in("alice", PASSWORD)
        order_id = (await twap.submit(**ORDER))["order_id"]
        seen = []
        async for state in twap.watch(order_id):
            seen.append(state["status"])
            if len(seen) == 1:
                await twap.cancel(order_id)
    assert seen == ["pending", "canceled"]


async def test_watch_when_there_is_no_such_order_then_404(alice):
    with pytest.raises(ApiError) as caught:
        await anext(alice.watch("nosuch"))
    assert caught.value.status == 404


async def test_book_when_the_exchange_is_unknown_then_the_reason_is_given(twap):
    with pytest.raises(StreamRefused, match="nosuch"):
        await anext(twap.book("BTCUSDT", ["nosuch"]))


async def test_client_when_no_server_answers_then_unreachable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        async with TwapClient(url) as twap:
            with pytest.raises(ServerUnreachable, match="Connection refused"):
                await twap.exchanges()


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1"])
async def test_client_when_the_address_is_none_then_unreachable(url):
    async with TwapClient(url) as twap:
        with pytest.raises(ServerUnreachable):
            await twap.exchanges()
