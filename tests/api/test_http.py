"""What all answers have in common."""

import gzip
import json

import pytest
from structlog.testing import capture_logs

from tests.api.conftest import PASSWORD, make_api, problem
from tests.fakes.feed import FakeFeed, instrument
from twap.entrypoints.settings import Settings
from twap.entrypoints.ws.hub import Hub
from twap.ports.errors import CodecError, LostClaim, StorageError, UpstreamError

PLAIN_PATHS = ["/", "/ping", "/exchanges", "/exchanges/status", "/Binance/symbols", "/health/live", "/docs"]


@pytest.mark.parametrize("path", [*PLAIN_PATHS, "/nowhere"])
async def test_answer_when_given_then_has_the_security_headers(api, path):
    headers = (await api.client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PLAIN_PATHS[1:])
async def test_path_when_it_ends_in_a_slash_then_the_same(api, path):
    one, other = await api.client.get(path), await api.client.get(f"{path}/")
    assert (other.status_code, await other.get_data()) == (200, await one.get_data())


@pytest.mark.parametrize("path", PLAIN_PATHS)
async def test_head_when_asked_then_headers_of_get_without_body(api, path):
    length = len(await (await api.client.get(path)).get_data(as_text=False))
    # A response of the test client would have its length counted anew.
    async with api.client.request(path, method="HEAD") as connection:
        await connection.send_complete()
        head = await connection.as_response()
    assert (head.status_code, await head.get_data()) == (200, b"")
    assert connection.headers["Content-Length"] == str(length)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/ping", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/login", {"POST", "OPTIONS"}),
        ("GET", "/orders/twap", {"POST", "OPTIONS"}),
        ("DELETE", "/orders/twap/", {"POST", "OPTIONS"}),
        ("PUT", "/orders/123", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("TRACE", "/orders", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_method_when_not_allowed_then_405_naming_the_allowed(api, method, path, allowed):
    response = await api.client.open(path, method=method)
    await problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/123/"),
        ("DELETE", "/orders/123/"),
        ("POST", "/orders/123/pause/"),
        ("POST", "/orders/123/resume/"),
        ("GET", "/orders/123/report/"),
        ("GET", "/orders/123/explain/"),
        ("POST", "/orders/twap/"),
    ],
)
async def test_path_of_an_order_when_it_ends_with_a_slash_then_is_the_same(api, method, path):
    await problem(await api.client.open(path, method=method), 401)


async def test_options_when_asked_then_names_the_methods(api):
    response = await api.client.options("/orders/123")
    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "DELETE", "OPTIONS"}


async def headers_of(api, path, method="GET", **headers):
    """Status and headers as they leave: a response of the test client would have its length counted anew."""
    async with api.client.request(path, method=method, headers=headers) as connection:
        await connection.send_complete()
    return connection.status_code, connection.headers


async def test_answer_when_it_has_no_body_then_names_neither_its_type_nor_its_length(api):
    known = (await api.client.get("/Binance/symbols")).headers["ETag"]
    signed_in = await api.sign_in()
    unchanged = await headers_of(api, "/Binance/symbols", **{"If-None-Match": known})
    logged_out = await headers_of(api, "/logout", "POST", **signed_in)
    assert [unchanged[0], logged_out[0]] == [304, 204]
    for _, headers in (unchanged, logged_out):
        assert not {"content-type", "content-length"} & {name.lower() for name, _ in headers}
    assert (unchanged[1]["ETag"], unchanged[1]["Vary"]) == (known, "Accept-Encoding")


async def test_ws_when_asked_over_http_then_426_naming_the_protocol(api):
    Hub(api.services).install(api.client.app)
    response = await api.client.get("/ws")
    assert "WebSocket" in (await problem(response, 426))["detail"]
    assert response.headers["Upgrade"] == "websocket"


@pytest.mark.parametrize("path", ["/nowhere", "/orders/1/2/3", "/docs/assets/../secret", "/klines/Binance"])
async def test_path_when_there_is_nothing_then_404(api, path):
    await problem(await api.client.get(path), 404)


async def test_orders_path_when_it_looks_like_an_exchange_then_is_still_an_order(api):
    await problem(await api.client.get("/orders/symbols"), 401)


async def test_request_id_when_sent_then_returned_and_logged(api):
    with capture_logs() as logs:
        response = await api.client.get("/orders", headers={"X-Request-Id": "my-id.1"})
    assert response.headers["X-Request-Id"] == "my-id.1"
    assert (await problem(response, 401))["request_id"] == "my-id.1"
    assert (logs[-1]["path"], logs[-1]["status"]) == ("/orders", 401)


@pytest.mark.parametrize("given", ["a b", "x" * 65, "é", "<script>", ""])
async def test_request_id_when_odd_then_replaced(api, given):
    response = await api.client.get("/ping", headers={"X-Request-Id": given})
    assert len(response.headers["X-Request-Id"]) == 32


def many_symbols():
    return FakeFeed({"Binance": [instrument(f"C{number}USDT") for number in range(20_000)]})


@pytest.mark.parametrize("feed", [FakeFeed(), many_symbols()], ids=["small", "large"])
async def test_body_when_gzip_is_accepted_then_compressed_if_it_is_large(feed):
    api = make_api(feed=feed)
    plain = await api.client.get("/Binance/symbols")
    packed = await api.client.get("/Binance/symbols", headers={"Accept-Encoding": "br, gzip"})
    body = await packed.get_data(as_text=False)
    if len(await plain.get_data()) > 1024:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        body = gzip.decompress(body)
    assert body.decode() == await plain.get_data(as_text=True)
    assert "Content-Encoding" not in plain.headers


async def test_body_when_gzip_is_refused_then_plain():
    api = make_api(feed=many_symbols())
    response = await api.client.get("/Binance/symbols", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in response.headers


async def test_cors_when_not_set_then_no_origin_is_allowed(api):
    response = await api.client.get("/ping", headers={"Origin": "https://example.org"})
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [(("https://example.org",), True), (("*",), True), (("https://other.org",), False)],
)
async def test_cors_when_set_then_those_origins_alone_are_allowed(origins, allowed):
    api = make_api(settings=Settings(_env_file=None, cors_origins=origins))
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "DELETE"}
    response = await api.client.options("/orders/1", headers=asked)
    assert ("Access-Control-Allow-Origin" in response.headers) is allowed
    assert ("DELETE" in response.headers.get("Access-Control-Allow-Methods", "")) is allowed
    assert "Origin" in response.headers["Vary"]


class FailingFeed(FakeFeed):
    failure = None

    async def instruments(self, exchange):
        raise self.failure


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (RuntimeError("SELECT * FROM users at /home/secret.py"), 500),
        (StorageError("SELECT * FROM users at /home/secret.py"), 503),
        (CodecError("KeyError /home/secret.py"), 502),
        (UpstreamError("Binance", "no JSON"), 502),
        (LostClaim("fence 3 < 4 /home/secret.py"), 409),
    ],
)
async def test_failure_when_it_happens_inside_then_the_client_hears_nothing_of_it(failure, status):
    feed = FailingFeed()
    feed.failure = failure
    with capture_logs() as logs:
        response = await make_api(feed=feed).client.get("/Binance/symbols", headers={"X-Request-Id": "r1"})
    told = json.dumps(await problem(response, status))
    assert not any(word in told for word in ("SELECT", "/home", "RuntimeError", "Traceback"))
    assert "r1" in told
    assert (status >= 500) == any(each["event"] in ("request failed", "request crashed") for each in logs)
    assert ("Retry-After" in response.headers) is (status == 503)


async def test_logs_when_people_sign_in_then_hold_no_secret(api):
    with capture_logs() as logs:
        pair = await api.tokens()
        await api.client.get(f"/secure?token={pair['access_token']}")
    told = repr(logs)
    assert not any(secret in told for secret in (PASSWORD, pair["access_token"], pair["refresh_token"]))


async def test_apps_when_two_live_in_one_process_then_they_share_nothing(api):
    other = make_api()
    headers = await api.sign_in()
    await api.submit(headers)
    await problem(await other.client.get("/orders", headers=headers), 401)
