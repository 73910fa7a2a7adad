"""Limits of `/ws`: messages, subscriptions, clients of an address, idle clients, and the drain."""

import json

from prometheus_client import generate_latest

from tests.fakes.clock import settle
from tests.fakes.ws import WsProgram
from twap.entrypoints.settings import Settings

FIVE_AT_ONCE = {"ws_messages_per_second": 2, "ws_subscriptions_per_client": 3}


def limited(**settings):
    return WsProgram(settings=Settings(_env_file=None, **settings))


async def test_subscriptions_when_one_too_many_then_failure_names_the_limit():
    async with limited(ws_subscriptions_per_client=1) as program, program.client() as client:
        await client.ask(action="subscribe", symbol="BTCUSDT", exchanges=["Binance"])
        answer = await client.ask(action="subscribe", symbol="ETHUSDT", exchanges=["Binance"])
        assert answer["type"] == "subscribe_failure"
        assert answer["message"] == "too many subscriptions: at most 1 on one connection"
        assert program.feed.acquired == {("Binance", "BTCUSDT"): 1}


async def test_messages_when_more_than_allowed_then_error_and_after_rest_served_again():
    async with limited(**FIVE_AT_ONCE) as program, program.client() as client:
        for _ in range(5):
            assert await client.ask(action="ping") == {"type": "pong"}
        assert "at most 2 a second" in (await client.ask(action="ping"))["error"]
        await program.clock.advance(1)
        assert await client.ask(action="ping") == {"type": "pong"}


async def test_messages_when_excess_goes_on_then_closed_with_1008():
    async with limited(**FIVE_AT_ONCE) as program, program.client() as client:
        for _ in range(10):
            await client.ask(action="ping")
        await client.tell(action="ping")
        assert await client.close_code() == 1008


async def test_clients_when_one_too_many_of_an_address_then_429_until_one_leaves():
    async with limited(ws_clients_per_address=1) as program:
        async with program.client():
            response = await program.refusal()
            assert response.status_code == 429
            assert response.headers["Retry-After"] == "10"
            assert json.loads(await response.get_data())["status"] == 429
        async with program.client():
            assert program.hub.counts()["refused"] == 1


def behind(proxy, *forwarded):
    """Options of a client that comes through a proxy."""
    return {"scope_base": {"client": (proxy, 1)}, "headers": {"X-Forwarded-For": ", ".join(forwarded)}}


async def test_clients_when_behind_a_trusted_proxy_then_counted_by_their_own_address():
    async with (
        limited(ws_clients_per_address=1, trusted_proxies="192.0.2.1") as program,
        program.client(**behind("192.0.2.1", "198.51.100.1")),
        program.client(**behind("192.0.2.1", "198.51.100.2")),
    ):
        response = await program.refusal(**behind("192.0.2.1", "203.0.113.9", "198.51.100.2"))
        assert response.status_code == 429


async def test_clients_when_the_proxy_is_not_trusted_then_its_header_means_nothing():
    async with (
        limited(ws_clients_per_address=1) as program,
        program.client(**behind("192.0.2.1", "198.51.100.1")),
    ):
        response = await program.refusal(**behind("192.0.2.1", "198.51.100.2"))
        assert response.status_code == 429


async def test_client_when_idle_for_ten_minutes_then_closed_with_1000():
    async with WsProgram() as program, program.client() as client:
        await program.clock.advance(599)
        assert await client.heard_nothing()
        await program.clock.advance(601)
        assert await client.close_code() == 1000


async def test_client_when_subscribed_then_never_idle():
    async with WsProgram() as program, program.client() as client:
        await client.ask(action="subscribe", symbol="BTCUSDT", exchanges=["Binance"])
        await program.clock.advance(700)
        assert program.hub.counts()["clients"] == 1


async def test_close_when_clients_are_connected_then_1001_and_new_ones_are_refused():
    async with WsProgram() as program, program.client() as client:
        await client.ask(action="subscribe", symbol="BTCUSDT", exchanges=["Binance"])
        await program.hub.close(1)
        assert await client.close_code() == 1001
        assert (await program.refusal()).status_code == 503
        assert not any(program.feed.acquired.values())
        assert program.hub.counts()["clients"] == 0


async def test_tick_when_the_loop_was_late_then_seconds_are_skipped_and_not_made_up_for():
    async with WsProgram() as program, program.client() as client:
        await client.ask(action="subscribe", symbol="BTCUSDT", exchanges=["Binance"])
        program.clock.jump(5.5)
        await program.clock.advance(0.1)
        late = await client.hear()
        await program.clock.advance(0.4)
        assert (late["timestamp"], (await client.hear())["timestamp"]) == (
            "2025-02-01T12:00:05Z",
            "2025-02-01T12:00:06Z",
        )


async def test_metrics_when_asked_then_the_fan_out_is_counted():
    async with WsProgram() as program, program.client() as client:
        await client.ask(action="subscribe", symbol="BTCUSDT", exchanges=["Binance"])
        await program.clock.advance(1)
        await client.hear()
        await settle()
        text = generate_latest(program.services.metrics).decode()
        assert "twap_ws_clients 1.0" in text
        assert "twap_ws_updates_sent_total 1.0" in text
