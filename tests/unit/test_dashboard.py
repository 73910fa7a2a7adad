"""What the dashboard shows, shaped from real answers: those of the domain, through the wire's encoding."""

import asyncio
import threading
from datetime import timedelta
from decimal import Decimal as D
from itertools import pairwise

import pytest

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import make_order
from tests.fakes.runs import random_run
from twap.domain import explain, report
from twap.entrypoints.client import ApiError, ServerUnreachable, Tokens
from twap.entrypoints.client.exact_json import decode, encode
from twap.entrypoints.dashboard import figures, ticket, views
from twap.entrypoints.dashboard.following import Follower
from twap.entrypoints.dashboard.server import Server, SessionKeeper
from twap.entrypoints.http import wire

PATIENCE_SECONDS = 5
UPDATE = decode(
    """{"symbol": "BTCUSDT", "timestamp": "2025-02-01T12:00:00Z", "order_book": {
    "bids": {"100.10": [0.10000000000000001, "Binance, Kraken"], "100": [2, "Kraken"]},
    "asks": {"100.30": [0.5, "Binance"]}},
    "sources": {"Binance": {"state": "live", "age_ms": 12, "sequence": 3},
                "Kraken": {"state": "down", "age_ms": null, "sequence": null}}}"""
)


def answers_of(order, slices):
    """The order with its executions, its report, and its slices explained, as a client gets them."""
    executions = [wire.execution_object(each) for one in slices for each in one.executions]
    told = {**wire.order_object(order), "executions": executions}
    built = report.as_dict(report.build(order, slices))
    explained, before = [], D(0)
    for one in slices:
        explained.append(explain.explain(order, one, executed_before=before))
        before += one.filled
    return tuple(decode(encode(wire.plainly(each))) for each in (told, built, explained))


def finished():
    """Buys 1.5 in three slices, on two exchanges."""
    books = FakeBooks()
    for exchange in ("Binance", "Kraken"):
        books.show(exchange, bids={99: 5}, asks={100: "0.2", 101: 5})
    order = make_order(
        quantity=D("1.5"),
        limit_price=D(103),
        duration=timedelta(seconds=3),
        slices_total=3,
        lot_size=D("0.1"),
        exchanges=("Binance", "Kraken"),
    )
    return answers_of(*run_order(order, books))


def column(rows, name):
    return [row[name] for row in rows]


def trace(figure, name):
    (found,) = (line for line in figure["data"] if line["name"] == name)
    return found


# -- text


def test_text_when_a_number_is_tiny_then_its_exact_plain_digits():
    assert views.text(D("1E-8")) == "0.00000001"
    assert views.text(D("123456789012345678.123456789012345678")) == "123456789012345678.123456789012345678"
    assert [views.text(each) for each in (None, [], ["A", "B"], True)] == ["–", "–", "A, B", "yes"]


def test_literal_when_words_hold_markdown_then_every_sign_is_escaped():
    assert views.literal("![x](http://a)") == r"\!\[x\]\(http\://a\)"


def test_percent_when_a_ratio_has_many_digits_then_none_is_lost():
    assert views.percent(D("0.123456789012345678901234567891")) == "12.3456789012345678901234567891 %"


# -- markets


def test_book_rows_when_a_side_is_shorter_then_blanks():
    first, second = views.book_rows(UPDATE, 10)
    assert (first["bid"], first["bid quantity"]) == ("100.10", "0.10000000000000001")
    assert first["ask from"] == "Binance"
    assert second == {**dict.fromkeys(second, ""), "bid": "100", "bid quantity": "2", "bid from": "Kraken"}
    assert len(views.book_rows(UPDATE, 1)) == 1


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        ({"1.1": []}, {"1.30": []}, "best bid 1.1, best ask 1.30, spread 0.2"),
        ({"2": []}, {"1": []}, "best bid 2, best ask 1, spread -1 (crossed: exchanges disagree)"),
        ({}, {"1": []}, "no fresh book shows bids"),
        ({"1": []}, {}, "no fresh book shows asks"),
        ({}, {}, "no fresh book shows anything"),
    ],
)
def test_book_headline_when_sides_differ_then_it_says_so(bids, asks, expected):
    assert views.book_headline({"order_book": {"bids": bids, "asks": asks}}) == expected


def test_source_line_when_an_exchange_is_down_then_it_is_named():
    assert views.source_line(UPDATE) == "Binance: live (12 ms old), Kraken: down"


def test_lateness_when_updates_stop_then_a_warning():
    assert views.lateness(1.2) is None
    assert "7 seconds ago" in views.lateness(7.2)


def test_depth_chart_when_levels_are_many_then_running_sums():
    chart = figures.depth_chart(UPDATE)
    assert trace(chart, "bids")["x"] == [100.1, 100.0]
    assert trace(chart, "bids")["y"] == [0.1, 2.1]
    assert trace(chart, "asks")["y"] == [0.5]


# -- orders


def test_order_rows_when_an_order_is_over_then_exact_figures():
    order, _, _ = finished()
    (row,) = views.order_rows([order])
    assert (row["filled"], row["quantity"], row["slices"]) == ("100 %", "1.5", "3/3")
    assert row["average price"] == views.text(order["avg_exec_price"])
    assert views.progress_line(order).startswith("completed (filled), 1.5 of 1.5 (100 %), slice 3 of 3")
    assert views.progress_ratio(order) == 1.0


@pytest.mark.parametrize(
    ("status", "possible"),
    [
        ("pending", {"pause", "cancel"}),
        ("executing", {"pause", "cancel"}),
        ("paused", {"resume", "cancel"}),
        ("completed", set()),
        ("canceled", set()),
        ("failed", set()),
    ],
)
def test_actions_when_the_status_differs_then_only_what_the_server_would_do(status, possible):
    assert {name for name, can in views.actions(status).items() if can} == possible


def test_execution_rows_when_there_are_many_then_the_last_ones_newest_first():
    order, _, _ = finished()
    rows = views.execution_rows(order["executions"], 2)
    last_two = [views.text(each["price"]) for each in order["executions"][-2:]]
    assert column(rows, "price") == last_two[::-1]
    assert views.execution_rows([], 2) == []


def test_report_rows_when_an_order_is_over_then_costs_with_their_sign():
    _, told, _ = finished()
    figure = {row["figure"]: row["value"] for row in views.report_rows(told)}
    slippage = told["slippage_arrival"]
    assert slippage["bps"] > 0
    assert (
        figure["slippage against arrival"]
        == f"{views.text(slippage['bps'])} bps = {views.text(slippage['quote'])}"
    )
    assert figure["of it opportunity"] == "0"
    assert "positive where they cost" in views.SIGN_CONVENTION


@pytest.mark.parametrize("seed", range(12))
def test_page_when_an_order_ran_at_random_then_everything_can_be_drawn(seed):
    order, told, explained = answers_of(*random_run(seed))
    views.order_rows([order])
    views.progress_line(order)
    for rows in (views.report_rows(told), views.venue_rows(told), views.missed_rows(told)):
        assert all(type(cell) is str for row in rows for cell in row.values())
    price = figures.price_chart(order, told, explained)
    drawn = sum(len(line["x"]) for line in price["data"] if line["name"].startswith("fills"))
    assert drawn == len(order["executions"])
    filled = trace(figures.fill_chart(order, explained), "filled")
    assert filled["y"][-1] == float(order["total_exec"])
    assert filled["x"] == sorted(filled["x"])
    assert sum(figures.share_chart(told)["data"][0]["x"]) == pytest.approx(100 if drawn else 0, abs=0.001)


def test_fill_chart_when_slices_are_explained_then_the_schedule_is_theirs():
    order, _, explained = finished()
    schedule = trace(figures.fill_chart(order, explained), "schedule")
    assert (schedule["x"], schedule["y"]) == ([0, 1, 2, 3], [0.0, 0.5, 1.0, 1.5])
    assert trace(figures.fill_chart(order, []), "schedule")["x"] == [0, 3]


def test_price_chart_when_slices_are_explained_then_their_mids():
    order, told, explained = finished()
    chart = figures.price_chart(order, told, explained)
    assert trace(chart, "mid price")["y"] == [99.5] * 4
    assert trace(chart, "average price")["y"] == [float(told["average_price"])] * 2


def test_price_chart_when_an_order_waits_then_an_empty_one():
    order, told, _ = answers_of(make_order(), [])
    assert [line["x"] for line in figures.price_chart(order, told, [])["data"]] == [[]]


@pytest.mark.parametrize("done", [*range(1, 200), 3_600, 9_999, 86_400])
def test_sampled_slices_when_an_order_grows_then_few_with_the_ends_or_none(done):
    sample = figures.sampled_slices(done)
    assert len(sample) <= figures.SAMPLES + 1
    assert len(sample) * done <= figures.MOST_READ + 2 * done
    assert not sample or (sample[0], sample[-1]) == (1, done)


def test_sampled_slices_when_an_order_goes_on_then_answers_stay_useful():
    samples = [figures.sampled_slices(done) for done in range(1, 900)]
    assert sum(len(set(later) - set(sooner)) > 1 for sooner, later in pairwise(samples)) == 0


def test_sampled_slices_when_none_is_over_then_none():
    assert figures.sampled_slices(0) == []


# -- the form


def test_body_when_options_are_empty_then_the_server_decides():
    written = {
        "symbol": " BTCUSDT ",
        "total_quantity": "0.10",
        "limit_price": "",
        "latency_ms": "",
        "fees": "",
    }
    assert ticket.body(written) == {"symbol": "BTCUSDT", "total_quantity": "0.10", "limit_price": ""}


def test_body_when_integers_are_written_then_integers_and_else_as_written():
    written = {"latency_ms": "50", "randomize.seed": "٣", "randomize.size": "0.1"}
    assert ticket.body(written) == {"latency_ms": 50, "randomize": {"seed": "٣", "size": "0.1"}}


def test_complaints_when_the_server_lists_fields_then_each_at_its_field():
    errors = [
        {"field": "limit_price", "problem": "too low"},
        {"field": "exchanges.1", "problem": "too long"},
        {"field": "randomize.size", "problem": "too large"},
        {"field": "limit_price", "problem": "no multiple"},
        {"field": "elsewhere", "problem": "odd"},
    ]
    assert ticket.complaints("all of it", errors) == {
        "limit_price": "too low; no multiple",
        "exchanges": "too long",
        "randomize.size": "too large",
        ticket.OTHER: "elsewhere: odd",
    }


def test_complaints_when_no_field_is_listed_then_the_detail():
    assert ticket.complaints("no such symbol", ()) == {ticket.OTHER: "no such symbol"}


# -- the server


def test_keeper_when_tokens_are_saved_then_they_live_in_that_session_alone():
    one, other = {}, {}
    SessionKeeper(one).save(Tokens("secret"))
    assert SessionKeeper(one).load() == Tokens("secret")
    assert SessionKeeper(other).load() is None


def test_ask_when_no_server_answers_then_that_is_said():
    server = Server("http://127.0.0.1:9", {})
    with pytest.raises(ServerUnreachable):
        server.ask(lambda twap: twap.exchanges())


def test_ask_when_nobody_is_logged_in_then_refused():
    with pytest.raises(ApiError, match="not logged in"):
        Server("http://127.0.0.1:9", {}).ask(lambda twap: twap.order("1"))


def test_log_out_when_the_server_is_away_then_the_session_is_forgotten():
    state = {"tokens": Tokens("secret"), "username": "alice"}
    server = Server("http://127.0.0.1:9", state)
    assert server.username == "alice"
    with pytest.raises(ServerUnreachable):
        server.log_out()
    assert state == {}


# -- the live book


class Source:
    """Gives two updates and then waits, or raises."""

    def __init__(self, failure=None):
        self.failure = failure
        self.given, self.ended = threading.Event(), threading.Event()

    async def updates(self):
        try:
            yield {"sequence": 1}
            yield {"sequence": 2}
            self.given.set()
            if self.failure:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.ended.set()


def followed(source, **options):
    follower = Follower(source.updates, **options)
    follower.start()
    assert source.given.wait(PATIENCE_SECONDS)
    return follower


def test_follower_when_updates_come_then_the_newest_with_its_age():
    source, seconds = Source(), iter(range(1000))
    follower = followed(source, clock=lambda: float(next(seconds)))
    newest = follower.newest()
    assert newest.update == {"sequence": 2}
    assert newest.age_seconds > 0
    follower.stop()
    follower.join(PATIENCE_SECONDS)
    assert source.ended.is_set()
    assert not follower.running
    assert follower.failure is None


def test_follower_when_nobody_asks_then_it_ends():
    source, now = Source(), [0.0]
    follower = followed(source, idle_seconds=20, clock=lambda: now[0])
    now[0] = 20.1
    follower.join(PATIENCE_SECONDS)
    assert source.ended.is_set()
    assert not follower.running


def test_follower_when_the_server_goes_then_the_reason_is_kept():
    source = Source(ServerUnreachable("http://127.0.0.1:9", "gone"))
    follower = followed(source)
    follower.join(PATIENCE_SECONDS)
    assert "gone" in str(follower.failure)
    assert follower.newest().update == {"sequence": 2}
