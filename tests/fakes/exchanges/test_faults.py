"""Faults that the exchanges share, and those of single ones; seen by plain clients."""

import json
import time

import aiohttp
import pytest

from tests.fakes.exchanges import recorded, synthetic
from tests.fakes.exchanges.readers import READERS, Gap
from tests.market_data import golden, needs_recordings


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def server():
    async with synthetic("okx", ["BTC-USDT", "ETH-USDT"], levels=50) as running:
        yield running


async def opened(http, server):
    kind, symbol = READERS[server.name]
    return await kind(http, server, symbol).open()


async def read_and_step(client, server):
    for _ in range(5):
        await client.next()
        await server.step(1)


@pytest.mark.parametrize("name", ["binance", "kucoin"])
async def test_snapshot_when_from_amid_a_change_then_spliced_by_the_rules(http, name):
    kind, symbol = READERS[name]
    async with synthetic(name, [symbol], levels=50) as server:
        client = await kind(http, server, symbol).open()
        overlaps = 0
        for _ in range(30):
            server.fault("overlap_snapshot", symbol=symbol, count=1)
            await server.step(1)
            await client.load()
            change = server.last_change[symbol]
            overlaps += change.first <= client.sequence < change.last
            server.clear_faults()
            await client.catch_up()
        assert overlaps > 10


@pytest.mark.parametrize("name", ["bybit", "okx", "kraken"])
async def test_snapshot_in_the_stream_when_wrong_then_the_rules_tell(http, name):
    kind, symbol = READERS[name]
    async with synthetic(name, [symbol], levels=50) as server:
        server.fault("wrong_snapshot", count=1)
        client = await kind(http, server, symbol).open()
        with pytest.raises(Gap):
            await read_and_step(client, server)


async def test_bybit_when_its_service_restarts_then_numbering_begins_again(http):
    kind, symbol = READERS["bybit"]
    async with synthetic("bybit", [symbol], levels=50, seed=3) as server:
        client = await kind(http, server, symbol).open()
        await client.catch_up()
        server.restart_service(symbol)
        await client.next()
        assert client.sequence == 1
        await server.step(4)
        await client.catch_up()
        assert client.sequence == 5


async def test_delta_when_sent_twice_then_seen_twice(http, server):
    client = await opened(http, server)
    await client.catch_up()
    server.fault("duplicate", symbol="BTC-USDT", count=1)
    await server.step(1, "BTC-USDT")
    first, second = [await client.socket.receive_str(timeout=2) for _ in range(2)]
    assert first == second


async def test_frames_when_odd_ones_are_asked_for_then_before_the_delta(http, server):
    client = await opened(http, server)
    await client.catch_up()
    for kind in ("malformed", "unknown", "huge_frame"):
        server.fault(kind, count=1, **({"size": 5_000_000} if kind == "huge_frame" else {}))
    await server.step(1, "BTC-USDT")
    odd = [await client.socket.receive_str(timeout=2) for _ in range(3)]
    with pytest.raises(json.JSONDecodeError):
        json.loads(odd[0])
    assert "novelty" in json.loads(odd[1])
    assert len(odd[2]) > 5_000_000
    await client.catch_up()


async def test_delta_when_delayed_then_it_comes_late(http, server):
    client = await opened(http, server)
    await client.catch_up()
    server.fault("delay", count=1, delay_seconds=0.1)
    before = time.monotonic()
    server.emit("BTC-USDT")
    await client.catch_up()
    assert time.monotonic() - before >= 0.1


async def test_fault_when_for_one_symbol_then_others_are_spared(http, server):
    server.fault("skip", symbol="ETH-USDT")
    client = await opened(http, server)
    await server.step(5, "ETH-USDT")
    await server.step(5, "BTC-USDT")
    await client.catch_up()
    assert server.faults.used == {}  # nobody follows the other one


async def test_connection_when_refused_without_a_word_then_error(http, server):
    server.fault("refuse", mode="close")
    with pytest.raises(aiohttp.ClientError):
        await opened(http, server)
    server.clear_faults()
    await (await opened(http, server)).catch_up()


async def test_fault_when_its_time_is_over_then_gone(http, server):
    server.fault("refuse", seconds=0.0)
    await opened(http, server)


@pytest.mark.parametrize("name", ["binance", "kucoin", "okx", "bybit", "coinbase", "kraken"])
async def test_subscription_when_rejected_on_demand_then_the_next_one_is_not(http, name):
    kind, symbol = READERS[name]
    async with synthetic(name, [symbol], levels=20) as server:
        server.fault("reject", symbol=symbol, count=1)
        client = await kind(http, server, symbol).open()
        while not server.faults.used:
            await client.next()
        assert server.connections[0].subscriptions == {}
        await (await kind(http, server, symbol).open()).catch_up()


async def test_beats_when_nothing_changes_then_signs_of_life(http):
    for name in ("coinbase", "kraken", "okx"):
        kind, symbol = READERS[name]
        async with synthetic(name, [symbol], levels=20, heartbeat_seconds=0.02) as server:
            client = await kind(http, server, symbol).open()
            await client.catch_up()
            await client.read_on(5)
            assert client.same()


async def test_kucoin_when_no_json_ping_comes_then_cut_off(http):
    kind, symbol = READERS["kucoin"]
    async with synthetic("kucoin", [symbol], levels=20) as server:
        server.ping_interval_ms, server.ping_timeout_ms = 40, 40
        client = await kind(http, server, symbol).open()
        await client.socket.send_str('{"id":"9","type":"ping"}')
        await client.next()
        assert '"pong"' in client.others[-1]
        with pytest.raises(ConnectionError):
            await client.read_on(5)
        assert len(server.violations) == 1


async def test_kucoin_when_the_token_is_unknown_then_refused(http):
    async with synthetic("kucoin", ["BTC-USDT"]) as server:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(server.ws_url + "/?token=guess&connectId=1")


@needs_recordings
async def test_recording_when_replayed_by_itself_then_to_its_end(http):
    async with recorded("okx", speed=1000) as server:
        client = await opened(http, server)
        while server.market.order:
            await client.next()
        expected = golden("okx")["BTC-USDT"]
        assert server.book("BTC-USDT", 1)[0] == [list(map(str, expected["bids"][0]))]
