"""Requests that are refused as a whole for one bad name."""

import json

from tests.fakes.exchange import FakeExchange, frame, snapshot_frame
from twap.ports.exchange import Limits

NATIVES = [f"{letter}-USDT" for letter in "ABCDEFGH"]


def refuse_with(*bad, named=True):
    """An exchange that refuses a whole request where one of its symbols is bad."""

    def answer(text):
        asked = json.loads(text)
        if asked["op"] != "subscribe":
            return []
        if set(bad) & set(asked["symbols"]):
            return [frame("rejected", symbols=asked["symbols"] if named else [], reason="bad name")]
        return [snapshot_frame(symbol, 1) for symbol in asked["symbols"]]

    return answer


async def states(make_market, *bad, named=True):
    market = await make_market(FakeExchange(limits=Limits(frames_per_second=50)))
    market.network.answer = refuse_with(*bad, named=named)
    await market.acquire(*NATIVES)
    await market.clock.advance(20)
    live = {native for native in NATIVES if market.book(native.replace("-", "")).told("snapshot")}
    down = {native for native in NATIVES if market.book(native.replace("-", "")).states()[-1:] == ["down"]}
    return market, live, down


async def test_request_when_refused_for_one_name_then_the_others_are_fed(make_market):
    market, live, down = await states(make_market, "C-USDT")
    assert down == {"C-USDT"}
    assert live == set(NATIVES) - down
    assert len(market.asked("subscribe")) == 1 + 2 * 3  # halves of 8, 4 and 2
    assert market.book("CUSDT").log[-1] == ("interrupted", "down", "refused: bad name")


async def test_request_when_the_refusal_names_nobody_then_the_others_are_fed(make_market):
    _, live, down = await states(make_market, "A-USDT", "H-USDT", named=False)
    assert down == {"A-USDT", "H-USDT"}
    assert live == set(NATIVES) - down


async def test_request_when_all_is_refused_then_each_is_down(make_market):
    _, live, down = await states(make_market, *NATIVES)
    assert (live, down) == (set(), set(NATIVES))


async def test_suspects_when_unsubscribed_meanwhile_then_not_asked_for_again(make_market):
    market = await make_market()
    await market.acquire("A-USDT", "B-USDT")
    await market.push(frame("rejected", symbols=["A-USDT", "B-USDT"], reason="bad name"))
    await market.release("B-USDT")
    await market.clock.advance(10)
    await market.push(frame("rejected", symbols=["A-USDT"], reason="bad name"))
    await market.clock.advance(10)
    assert market.asked("subscribe") == [["A-USDT", "B-USDT"], ["A-USDT"]]


async def test_suspects_when_no_answer_comes_then_the_next_are_asked_for(make_market):
    market = await make_market()
    await market.acquire("A-USDT", "B-USDT")
    await market.push(frame("rejected", symbols=["A-USDT", "B-USDT"], reason="bad name"))
    await market.clock.advance(18)
    assert any("B-USDT" in symbols for symbols in market.asked("subscribe")[1:])
