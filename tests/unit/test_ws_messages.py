"""Frames of `/ws`: whatever comes in, it is understood or refused in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twap.entrypoints.ws import messages
from twap.entrypoints.ws.limits import Addresses, MessageRate

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["subscribe", "unsubscribe", "subscribe_orders", "ping"]) | ANY_JSON,
        "symbol": st.just("BTCUSDT") | ANY_JSON,
        "exchanges": st.just(["Binance"]) | ANY_JSON,
        "depth": st.integers() | ANY_JSON,
        "token": ANY_JSON,
    },
)


def answered(frame):
    """The action, or what the client is told instead."""
    try:
        return messages.parse(frame)
    except messages.Mistake as mistake:
        told = json.loads(mistake.answer)
        assert told.get("error") or told["message"]
        return told


@given(st.text() | ANY_JSON.map(json.dumps) | NEARLY.map(json.dumps))
def test_parse_when_given_anything_then_an_action_or_a_mistake_in_words(frame):
    answered(frame)


@given(st.text(alphabet=st.characters(categories=["Cs", "Cc", "Ll"]), max_size=20))
def test_parse_when_text_is_no_unicode_then_a_mistake_in_words(text):
    answered(f'{{"action": "{text}"}}')


@pytest.mark.parametrize(
    "frame", ["[" * 1000 + "]" * 1000, '{"a":' * 100_000, "1" * 60_000, '{"depth": 1e999999}']
)
def test_parse_when_frame_is_a_bomb_then_refused(frame):
    assert "error" in answered(frame)


def test_parse_when_subscribe_then_symbol_is_canonical_and_depth_defaults_to_10():
    frame = '{"action": "subscribe", "symbol": "btc/usdt", "exchanges": ["kucoin", "Binance"]}'
    assert messages.parse(frame) == messages.Subscribe("BTCUSDT", ("kucoin", "Binance"), 10)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"symbol": 5, "exchanges": ["Binance"]}, "symbol must be text"),
        ({"symbol": "B" * 41, "exchanges": ["Binance"]}, "symbol must be text of at most 40"),
        ({"symbol": "BTCUSDT", "exchanges": "Binance"}, "exchanges must be a list"),
        ({"symbol": "BTCUSDT", "exchanges": [5]}, "exchanges must be a list"),
        ({"symbol": "BTCUSDT", "exchanges": ["A"] * 33}, "at most 32 names"),
        ({"symbol": "BTCUSDT", "exchanges": ["A"], "action": "dance"}, "unknown action 'dance'"),
        ({"symbol": "BTCUSDT", "exchanges": ["A"], "action": None}, "action is missing"),
        ({"symbol": "BTCUSDT", "exchanges": ["A"], "action": 7}, "action must be text"),
    ],
)
def test_parse_when_a_field_is_wrong_then_the_error_names_it(fields, problem):
    told = answered(json.dumps({"action": "subscribe", **fields}))
    assert problem in told["error"]


def test_message_rate_when_emptied_then_refills_steadily_up_to_its_burst():
    rate = MessageRate(per_second=2, burst=3, now=0)
    for _ in range(3):
        rate.spend(0)
    assert not rate.exceeded
    rate.spend(0)
    assert rate.exceeded
    rate.spend(1)
    assert not rate.exceeded
    for _ in range(3):
        rate.spend(1000)
    assert not rate.exceeded
    rate.spend(1000)
    assert rate.exceeded


def test_message_rate_when_overdrawn_beyond_its_burst_then_abused():
    rate = MessageRate(per_second=1, burst=2, now=0)
    for _ in range(4):
        rate.spend(0)
    assert not rate.abused
    rate.spend(0)
    assert rate.abused


def test_addresses_when_of_one_ipv6_network_then_counted_together():
    addresses = Addresses(most=1)
    assert addresses.enter("2001:db8::1")
    assert not addresses.enter("2001:db8::2")
    addresses.leave("2001:db8::1")
    assert addresses.enter("2001:db8::2")
