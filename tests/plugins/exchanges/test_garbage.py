"""Frames that are nothing like an exchange's, at every first-party codec."""

import pytest

from tests.fakes.clock import ManualClock
from tests.plugins.exchanges.mutations import GARBAGE
from twap.plugins.exchanges.binance import Binance
from twap.plugins.exchanges.bybit import Bybit
from twap.plugins.exchanges.coinbase import Coinbase
from twap.plugins.exchanges.kraken import Kraken
from twap.plugins.exchanges.kucoin import Kucoin
from twap.plugins.exchanges.okx import OKX
from twap.plugins.exchanges.simulated import Simulated
from twap.ports.errors import CodecError
from twap.ports.events import Delta, Snapshot

EXCHANGES = [
    Binance(),
    Bybit(),
    Coinbase(),
    Kraken(),
    Kucoin(),
    OKX(),
    Simulated(clock=ManualClock(), seed=1),
]


@pytest.mark.parametrize("frame", GARBAGE)
@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_receive_when_garbage_then_codec_error_or_no_book(exchange, frame):
    try:
        events = exchange.codec().receive(frame)
    except CodecError:
        return
    assert not any(isinstance(event, Delta | Snapshot) for event in events)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
@pytest.mark.parametrize("frame", [b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_receive_when_not_an_object_then_codec_error(exchange, frame):
    with pytest.raises(CodecError):
        exchange.codec().receive(frame)
