"""The contract's table of `/ws`, row by row, and the order book updates."""

import json
from decimal import Decimal

import pytest
from quart.testing.connections import WebsocketResponseError

from tests.fakes.clock import settle
from tests.fakes.ws import WsProgram
from twap.ports.market import BookState

ASKED = {"symbol": "BTCUSDT", "exchanges": ["Binance"]}


@pytest.fixture
async def program():
    async with WsProgram() as program:
        yield program


async def subscribe(client, **changes):
    answer = await client.ask(action="subscribe", **{**ASKED, **changes})
    assert answer["type"] == "subscribe_success", answer
    return answer


async def test_connect_when_accepted_then_welcome(program):
    async with program.app.test_client().websocket("/ws") as socket:
        assert json.loads(await socket.receive()) == {
            "type": "welcome",
            "message": "Welcome to Twap-Trading-API WebSocket",
        }


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC-USDT", "BTC/USDT", "btcusdt"])
async def test_subscribe_when_spelled_in_any_way_then_success_in_canonical_names(program, symbol):
    async with program.client() as client:
        answer = await client.ask(action="subscribe", symbol=symbol, exchanges=["KUCOIN", "binance"])
        assert answer == {
            "type": "subscribe_success",
            "message": "Subscribed to BTCUSDT on Kucoin, Binance",
            "symbol": "BTCUSDT",
            "exchanges": ["Kucoin", "Binance"],
        }


async def test_subscribe_when_succeeded_then_an_update_at_every_whole_second(program):
    program.show([("100", "1")], [("101", "2")])
    async with program.client() as client:
        await subscribe(client)
        stamps = []
        for _ in range(3):
            await program.clock.advance(1)
            update = await client.hear()
            stamps.append((update["timestamp"], update["sequence"]))
        assert stamps == [
            ("2025-02-01T12:00:01Z", 1),
            ("2025-02-01T12:00:02Z", 2),
            ("2025-02-01T12:00:03Z", 3),
        ]


async def test_subscribe_when_less_than_200_ms_before_the_tick_then_updated_from_the_next_one(program):
    async with program.client() as client:
        await program.clock.advance(0.85)
        await subscribe(client)
        await program.clock.advance(0.15)
        assert await client.heard_nothing()
        await program.clock.advance(1)
        assert (await client.hear())["timestamp"] == "2025-02-01T12:00:02Z"


async def test_update_when_books_are_live_then_quantities_add_up_in_exact_plain_digits(program):
    program.show([("100.50", "0.00000001"), ("99", "3")], [("101.10", "2")])
    program.show([("100.5", "0.1"), ("100", "5")], [("101.2", "10.00")], "Kucoin", sequence=9)
    async with program.client() as client:
        await subscribe(client, exchanges=["Kucoin", "Binance"], depth=2)
        await program.clock.advance(1)
        frame = await client.hear_text()
        update = json.loads(frame, parse_float=Decimal)
        assert update == {
            "type": "order_book_update",
            "symbol": "BTCUSDT",
            "exchanges": ["Kucoin", "Binance"],
            "order_book": {
                "bids": {"100.5": [Decimal("0.10000001"), "Binance, Kucoin"], "100": [5, "Kucoin"]},
                "asks": {"101.1": [2, "Binance"], "101.2": [10, "Kucoin"]},
            },
            "sources": {
                "Kucoin": {"state": "live", "age_ms": 1000, "sequence": 9},
                "Binance": {"state": "live", "age_ms": 1000, "sequence": 7},
            },
            "sequence": 1,
            "timestamp": "2025-02-01T12:00:01Z",
        }
        assert list(update["order_book"]["bids"]) == ["100.5", "100"], "bids descend"
        assert list(update["order_book"]["asks"]) == ["101.1", "101.2"], "asks ascend"


async def test_update_when_quantity_is_tiny_then_no_exponent(program):
    program.show([("0.00000012", "0.00000001")], [("0.00000013", "1000")])
    async with program.client() as client:
        await subscribe(client)
        await program.clock.advance(1)
        frame = await client.hear_text()
        assert '"bids":{"0.00000012":[0.00000001,"Binance"]}' in frame


async def test_update_when_a_book_is_not_live_then_left_out_and_said(program):
    program.show([("100", "1")], [("101", "1")])
    kucoin = program.show([("100", "4")], [("101", "4")], "Kucoin")
    kucoin.interrupted(BookState.DOWN, "the exchange is away")
    async with program.client() as client:
        await subscribe(client, exchanges=["Binance", "Kucoin"])
        await program.clock.advance(1)
        update = await client.hear()
        assert update["order_book"]["bids"] == {"100": [1, "Binance"]}
        assert update["sources"]["Kucoin"]["state"] == "down"
        assert update["sources"]["Kucoin"]["reason"] == "the exchange is away"


async def test_update_when_still_syncing_then_empty_sides_and_honest_sources(program):
    async with program.client() as client:
        await subscribe(client)
        await program.clock.advance(1)
        update = await client.hear()
        assert update["order_book"] == {"bids": {}, "asks": {}}
        assert update["sources"]["Binance"]["state"] == "syncing"


async def test_update_when_clients_ask_for_different_exchanges_then_each_gets_its_own(program):
    program.show([("100", "1")], [("101", "1")])
    program.show([("100", "4")], [("101", "4")], "Kucoin")
    async with program.client() as both, program.client() as one:
        await subscribe(both, exchanges=["Binance", "Kucoin"])
        await subscribe(one, exchanges=["Kucoin"])
        await program.clock.advance(1)
        assert (await both.hear())["order_book"]["bids"] == {"100": [5, "Binance, Kucoin"]}
        assert (await one.hear())["order_book"]["bids"] == {"100": [4, "Kucoin"]}


async def test_update_when_many_ask_for_the_same_then_encoded_once(program):
    async with program.client() as first, program.client() as second:
        await subscribe(first)
        await subscribe(second)
        await program.clock.advance(1)
        assert await first.hear() == await second.hear()
        assert program.hub.counts()["encodings"] == 1


async def test_sequence_when_everybody_left_and_came_back_then_goes_on(program):
    async with program.client() as client:
        for expected in (1, 2):
            await subscribe(client)
            await program.clock.advance(1)
            assert (await client.hear())["sequence"] == expected
            await client.ask(action="unsubscribe", **ASKED)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"exchanges": ["Binance", "Nowhere"]},
            "unknown exchange 'Nowhere'; the enabled ones are: Binance, Kucoin",
        ),
        ({"symbol": "DOGEUSDT"}, "DOGEUSDT"),
        ({"depth": 0}, "depth must be an integer from 1 to 1000"),
        ({"depth": 1001}, "depth must be an integer from 1 to 1000"),
        ({"depth": "10"}, "depth must be an integer from 1 to 1000"),
        ({"depth": True}, "depth must be an integer from 1 to 1000"),
    ],
)
async def test_subscribe_when_not_possible_then_failure_names_it(program, changes, problem):
    async with program.client() as client:
        answer = await client.ask(action="subscribe", **{**ASKED, **changes})
        assert answer["type"] == "subscribe_failure"
        assert problem in answer["message"]
        assert answer["symbol"] == changes.get("symbol", "BTCUSDT")
        assert not any(program.feed.acquired.values())


async def test_subscribe_when_exchange_is_unreachable_then_failure_says_so():
    async with WsProgram() as program, program.client() as client:
        program.feed.down["Kucoin"] = "no route"
        answer = await client.ask(action="subscribe", symbol="BTCUSDT", exchanges=["Kucoin"])
        assert (answer["type"], "no route" in answer["message"]) == ("subscribe_failure", True)


async def test_subscribe_when_already_subscribed_in_any_order_then_failure(program):
    async with program.client() as client:
        await subscribe(client, exchanges=["Binance", "Kucoin"])
        answer = await client.ask(
            action="subscribe", symbol="btc/usdt", exchanges=["KUCOIN", "binance"], depth=5
        )
        assert answer == {
            "type": "subscribe_failure",
            "message": "Already subscribed to BTCUSDT on Kucoin, Binance",
            "symbol": "BTCUSDT",
        }


async def test_subscribe_when_many_books_then_each_is_updated(program):
    async with program.client() as client:
        await subscribe(client)
        await subscribe(client, symbol="ETHUSDT")
        await subscribe(client, exchanges=["Kucoin"])
        await program.clock.advance(1)
        heard = [await client.hear() for _ in range(3)]
        assert {(each["symbol"], *each["exchanges"]) for each in heard} == {
            ("BTCUSDT", "Binance"),
            ("ETHUSDT", "Binance"),
            ("BTCUSDT", "Kucoin"),
        }


async def test_unsubscribe_when_subscribed_then_success_and_no_update_follows(program):
    async with program.client() as client:
        await subscribe(client, exchanges=["Binance", "Kucoin"])
        answer = await client.ask(action="unsubscribe", symbol="btc-usdt", exchanges=["kucoin", "Binance"])
        assert answer == {
            "type": "unsubscribe_success",
            "message": "Unsubscribed from BTCUSDT on Kucoin, Binance",
            "symbol": "BTCUSDT",
        }
        await program.clock.advance(2)
        assert await client.heard_nothing()
        assert not any(program.feed.acquired.values())


@pytest.mark.parametrize("exchanges", [["Kucoin"], ["Binance", "Kucoin"], ["Nowhere"]])
async def test_unsubscribe_when_not_subscribed_to_exactly_that_then_failure(program, exchanges):
    async with program.client() as client:
        await subscribe(client)
        answer = await client.ask(action="unsubscribe", symbol="BTCUSDT", exchanges=exchanges)
        assert (answer["type"], answer["symbol"]) == ("unsubscribe_failure", "BTCUSDT")
        assert exchanges[0] in answer["error"]


async def test_ping_when_sent_then_pong(program):
    async with program.client() as client:
        assert await client.ask(action="ping") == {"type": "pong"}


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"action": "subscribe"},
        {"action": "subscribe", "symbol": "BTCUSDT"},
        {"action": "subscribe", "exchanges": ["Binance"]},
        {"action": "subscribe", "symbol": "", "exchanges": ["Binance"]},
        {"action": "subscribe", "symbol": "BTCUSDT", "exchanges": []},
        {"action": "unsubscribe", "symbol": None, "exchanges": ["Binance"]},
        {"symbol": "BTCUSDT"},
    ],
)
async def test_frame_when_it_lacks_symbol_or_exchanges_then_error_and_the_connection_stays(program, frame):
    async with program.client() as client:
        assert await client.ask(**frame) == {"error": "Missing symbol or exchanges"}
        assert await client.heard_nothing()


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "[]",
        "7",
        "null",
        '{"action": NaN}',
        "[" * 1000,
        '{"a":' + "9" * 5000 + "}",
        '{"action": 5}',
    ],
)
async def test_frame_when_it_is_no_such_object_then_error_and_the_connection_stays(program, frame):
    async with program.client() as client:
        await client.send(frame)
        answer = await client.hear()
        assert list(answer) == ["error"]
        assert await client.heard_nothing()


async def test_frame_when_binary_then_closed_with_1003(program):
    async with program.client() as client:
        await client.send(b'{"action": "ping"}')
        assert await client.close_code() == 1003


@pytest.mark.parametrize("character", ["x", "é"])
async def test_frame_when_oversized_then_closed_with_1009(program, character):
    async with program.client() as client:
        await client.send(character * (65_537 // len(character.encode()) + 1))
        assert await client.close_code() == 1009


async def test_feed_when_a_client_leaves_then_released_once(program):
    async with program.client() as staying:
        await subscribe(staying)
        async with program.client() as leaving:
            await subscribe(leaving)
            await subscribe(leaving, symbol="ETHUSDT")
        await settle()
        assert program.feed.acquired == {("Binance", "BTCUSDT"): 1, ("Binance", "ETHUSDT"): 0}
        assert program.hub.counts()["clients"] == 1


@pytest.mark.parametrize(
    ("path", "status", "said"), [("/elsewhere", 404, "nothing at this address"), ("/orders", 400, "/ws is")]
)
async def test_handshake_when_the_path_is_another_one_then_a_problem(path, status, said):
    async with WsProgram() as program:
        with pytest.raises(WebsocketResponseError) as refused:
            async with program.app.test_client().websocket(path) as socket:
                await socket.receive()
        answer = refused.value.response
        problem = json.loads(await answer.get_data())
        assert (answer.status_code, problem["status"], problem["instance"]) == (status, status, path)
        assert said in problem["detail"]
        assert "request_id" not in problem, "there is none"
