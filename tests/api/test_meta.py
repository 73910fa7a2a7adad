from tests.api.conftest import make_api, problem
from tests.fakes.feed import FakeFeed


async def test_welcome_when_asked_then_greets(api):
    response = await api.client.get("/")
    assert await response.get_json() == {"message": "Welcome to the Twap-Trading-API"}


async def test_ping_when_asked_then_tells_the_time(api):
    response = await api.client.get("/ping")
    assert await response.get_json() == {
        "status": "ok",
        "message": "Server is running",
        "timestamp": "2025-02-01T12:00:00Z",
    }


async def test_live_when_asked_then_200(api):
    assert (await api.client.get("/health/live")).status_code == 200


async def test_ready_when_storage_and_a_feed_are_there_then_200():
    api = make_api(feed=FakeFeed(down={"Kucoin": "refused"}))
    response = await api.client.get("/health/ready")
    assert response.status_code == 200
    assert (await response.get_json())["feeds"] == {"Binance": "live", "Kucoin": "down"}


async def test_ready_when_no_exchange_can_be_reached_then_503():
    api = make_api(feed=FakeFeed(down={"Binance": "refused", "Kucoin": "refused"}))
    response = await api.client.get("/health/ready")
    assert "no exchange" in (await problem(response, 503))["detail"]
    assert int(response.headers["Retry-After"]) > 0


async def test_ready_when_storage_is_away_then_503():
    class Away:
        async def ready(self):
            return False

    api = make_api(storage=Away())
    assert "storage" in (await problem(await api.client.get("/health/ready"), 503))["detail"]


async def test_metrics_when_requests_were_made_then_counted_by_route_not_by_path(api):
    await api.client.get("/ping")
    await api.client.get("/orders/123")
    response = await api.client.get("/metrics")
    text = await response.get_data(as_text=True)
    assert response.mimetype == "text/plain"
    assert 'twap_http_requests_total{method="GET",route="/ping",status="200"} 1.0' in text
    assert 'route="/orders/<id:order_id>",status="401"} 1.0' in text
    assert "/orders/123" not in text


async def test_metrics_when_two_apps_run_in_a_process_then_each_counts_its_own(api):
    other = make_api()
    await api.client.get("/ping")
    text = await (await other.client.get("/metrics")).get_data(as_text=True)
    assert "/ping" not in text
