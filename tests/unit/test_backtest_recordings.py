"""Orders on the recordings of real exchanges: every digit follows, and twice the same bytes."""

import json
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from tests.fakes.backtests import EXCHANGES, RECORDINGS, Replayed, order_of, run
from tests.market_data import golden, needs_recordings
from twap.domain.verify import verify
from twap.entrypoints.backtest.instruments import Sizes
from twap.entrypoints.backtest.order import BASE
from twap.entrypoints.cli.app import app
from twap.ports.errors import TwapError

GOLDEN = [
    ("Binance", "binance", "NKNUSDT", None),
    ("Binance", "binance", "LRCBTC", None),
    ("Bybit", "bybit_v5", "XRPUSDT", None),
    ("Kraken", "kraken_v2", "conn1:BTC/USD", 1),
    ("Kraken", "kraken_v2", "conn2:BTC/USD", 2),
    ("Kraken", "kraken_v2", "conn3:ETH/USD", 3),
    ("Kraken", "kraken_v2", "conn4:XRP/USD", 4),
    ("Kucoin", "kucoin", "BCHSV-USDT", None),
    ("Kucoin", "kucoin", "SNX-BTC", None),
    ("OKX", "okx", "BTC-USDT", None),
]


@needs_recordings
@pytest.mark.parametrize(("name", "file", "key", "connection"), GOLDEN)
def test_book_when_a_recording_is_replayed_then_it_ends_as_computed_independently(
    name, file, key, connection
):
    symbol = key.partition(":")[2] or key
    played = Replayed(
        EXCHANGES[name],
        [RECORDINGS],
        symbol.replace("-", "").replace("/", ""),
        only=lambda line: connection in (None, line.conn) or line.ch == "http",
    )
    expected = golden(file)[key]
    wanted = [
        [(Decimal(price), Decimal(quantity)) for price, quantity in expected[side]]
        for side in ("bids", "asks")
    ]
    assert played.best(10) == wanted


REAL_ORDERS = {
    "Binance": order_of(quantity="20000", seconds=20),
    "Kucoin": order_of("BCHSVUSDT", "20", "250", 20, ["Kucoin"]),
    "Kraken": order_of("XRPUSD", "5000", "1.1", 30, ["kraken"]),
    "OKX": order_of("BTCUSDT", "0.5", "31000", 8, ["OKX"]),
    "Bybit": order_of("XRPUSDT", "5000", "2", 4, ["Bybit"]),
}


@needs_recordings
@pytest.mark.parametrize("name", sorted(REAL_ORDERS))
def test_order_when_run_on_a_recording_then_every_digit_follows_from_its_looks(name):
    done = run(REAL_ORDERS[name], [RECORDINGS], ["default"])
    for outcome in done.outcomes:
        assert verify(outcome.order, outcome.slices) == []
        assert outcome.is_whole
    base = done.outcomes[0]
    assert base.name == BASE
    assert base.report.executed == base.order.ticket.quantity
    assert not base.report.missed.by_reason


@needs_recordings
def test_variant_when_run_beside_others_then_it_is_as_run_alone():
    fields = REAL_ORDERS["Binance"]
    beside = run(fields, [RECORDINGS], ["interval=5", "participation=0.1"]).outcomes[1].report
    alone = run({**fields, "slice_interval_seconds": "5"}, [RECORDINGS]).outcomes[0].report
    assert replace(beside, order_id="") == replace(alone, order_id="")


@needs_recordings
def test_command_when_run_twice_then_its_output_is_the_same_byte_for_byte(tmp_path):
    body = {
        "symbol": "nkn-usdt",
        "side": "buy",
        "total_quantity": 2000,
        "limit_price": 0.36,
        "duration_seconds": 10,
        "exchanges": ["binance"],
        "randomize": {"size": 0.3, "time": 0.2},
    }
    (tmp_path / "order.json").write_text(json.dumps(body))
    asked = ["backtest", str(tmp_path / "order.json"), str(RECORDINGS), "--compare", "default"]
    for way in ([], ["--json"]):
        first, second = (CliRunner().invoke(app, asked + way) for _ in range(2))
        assert first.exit_code == 0, first.output
        assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert found["order"]["status"] == "completed"
    assert [each["name"] for each in found["variants"]][:2] == ["interval=5", "interval=10"]


@needs_recordings
def test_page_when_asked_for_then_it_is_written(tmp_path):
    (tmp_path / "order.json").write_text(
        '{"symbol":"NKNUSDT","side":"buy","total_quantity":2000,"limit_price":0.36,"duration_seconds":10,'
        '"exchanges":["Binance"]}'
    )
    page = tmp_path / "page.html"
    asked = ["backtest", str(tmp_path / "order.json"), str(RECORDINGS), "--html", str(page)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert "<svg" in page.read_text()


@needs_recordings
def test_recording_when_it_is_of_a_feed_that_no_codec_reads_then_the_exchange_and_that_are_said():
    with pytest.raises(TwapError, match="Coinbase: none of the 9946 recorded frames is of a book"):
        run(order_of("SKLUSD", "100", "1", exchanges=["Coinbase"]), [RECORDINGS])


@needs_recordings
def test_instrument_when_no_list_holds_it_then_its_sizes_come_from_the_book_or_the_user():
    fields = REAL_ORDERS["Bybit"]
    done = run(fields, [RECORDINGS])
    given = run(fields, [RECORDINGS], sizes={"Bybit": Sizes(lot=Decimal(10))})
    assert (done.outcomes[0].order.lot_size, given.outcomes[0].order.lot_size) == (1, 10)
    assert "tick 0.0001 (read from the digits of its book), lot 10 (given)" in given.notes[0]


@needs_recordings
def test_replay_when_timed_then_it_is_many_times_faster_than_life():
    began = time.perf_counter()
    done = run(REAL_ORDERS["Kucoin"], [RECORDINGS])
    seconds = time.perf_counter() - began
    recorded_seconds = (done.last - done.first).total_seconds()
    assert recorded_seconds / seconds > 10, f"{recorded_seconds:.1f} s of recording took {seconds:.2f} s"
