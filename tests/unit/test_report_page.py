import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import advanced, make_execution, make_order, make_slice
from tests.fakes.runs import random_run
from twap.domain import report
from twap.entrypoints.report import page as report_page
from twap.entrypoints.report.page import digits, render
from twap.entrypoints.report.pictures import Pictures
from twap.entrypoints.report.svg import (
    MOST_HEIGHTS,
    MOST_POINTS,
    Bar,
    Line,
    Points,
    bar_chart,
    heights,
    line_chart,
    thinned,
)

VOID = {"meta", "line", "rect", "path", "circle"}


class Page(HTMLParser):
    """Checks that tags nest, and gathers tags and text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page_of(order, slices):
    return render(order, report.build(order, slices), slices)


def filled_order(**changes):
    fields = {
        "quantity": D("1.5"),
        "limit_price": D(103),
        "duration": timedelta(seconds=3),
        "slices_total": 3,
        "lot_size": D("0.1"),
    } | changes
    books = FakeBooks()
    for exchange in ("Binance", "Kraken", "<b>Evil & Co</b>"):
        books.show(exchange, bids={99: 5}, asks={100: "0.2", 101: 5})
    return run_order(make_order(**fields), books)


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_page_when_any_order_then_it_nests_and_loads_nothing(seed):
    page = Page(page_of(*random_run(seed)))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "image", "use"}
    for tag, attributes in page.tags:
        assert not {"src", "href", "xlink:href", "onload", "onclick"} & attributes.keys(), tag


@given(st.integers(0, 2**32), st.integers(1, 5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_page_when_slices_come_in_parts_then_it_is_the_same(seed, size):
    order, slices = random_run(seed)
    pictures = Pictures(order)
    for at in range(0, len(slices), size):
        pictures.add(slices[at : at + size])
    assert report_page.page(order, report.build(order, slices), pictures) == page_of(order, slices)


def test_page_when_an_order_was_long_then_what_is_drawn_is_bounded():
    count = 4_000
    order = make_order(slices_total=count, duration=timedelta(seconds=count))
    order = advanced(order, slices_done=count, arrival_mid=D(100))
    prices = [D(100_000 + 7 * n % 501) for n in range(count + 1)]
    slices = [
        make_slice(
            order,
            n,
            mid=prices[n],
            executions=tuple(make_execution(order, n, price=prices[n] + k) for k in range(3 if n else 0)),
        )
        for n in range(count + 1)
    ]
    html = page_of(order, slices)
    assert html.count("<circle") <= MOST_POINTS
    assert len(html) < 200_000


def test_page_when_an_order_was_filled_then_it_shows_three_pictures_and_exact_figures():
    order, slices = filled_order()
    html = page_of(order, slices)
    text = " ".join(Page(html).text)
    assert html.count("<svg") == 3
    for title in ("Price against mid and average", "Cumulative fill against schedule", "Share per exchange"):
        assert title in text
    built = report.build(order, slices)
    for exact in (built.average_price, built.fees, built.shortfall.quote, built.shortfall.split.spread):
        assert digits(exact) in text
    assert "a buyer paid more than the reference, a seller got less" in text
    assert "prefers-color-scheme:dark" in html
    assert "url(" not in html
    assert "http" not in html


def test_page_when_names_hold_markup_then_it_is_escaped():
    order, slices = filled_order(exchanges=("<b>Evil & Co</b>",), symbol="<script>alert(1)</script>")
    html = page_of(order, slices)
    assert "<script" not in html
    assert "<b>Evil" not in html
    assert "&lt;b&gt;Evil &amp; Co&lt;/b&gt;" in html


def test_page_when_nothing_has_happened_yet_then_it_says_so():
    html = page_of(make_order(), [])
    assert "No fresh book was met" in html
    assert html.count("<svg") == 1


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (0, "None: no slice is over."),
        (1, "None of the 1 that are over; 3 were planned."),
        (3, "None: every slice filled its target."),
    ],
)
def test_page_when_no_slice_was_missed_then_it_claims_no_more_than_is_over(done, said):
    order, slices = filled_order()
    order = replace(order, slices_total=3, progress=replace(order.progress, slices_done=done))
    assert said in page_of(order, [one for one in slices if one.number <= done])


def test_page_when_slices_were_missed_then_reasons_are_in_words_and_the_list_is_bounded():
    order = make_order(duration=timedelta(seconds=150), slices_total=150)
    text = " ".join(Page(page_of(*run_order(order, FakeBooks()))).text)
    assert "no exchange had a true and fresh book" in text
    assert "and 50 more" in text


def test_page_when_a_book_ended_at_arrival_then_the_market_order_says_so():
    order, slices = filled_order(quantity=D(30), exchanges=("Binance",))
    assert "the books held no more" in page_of(order, slices)
    cut = [replace(one, venues=tuple(replace(x, more=True) for x in one.venues)) for one in slices]
    assert "was not deep enough to be sure" in page_of(order, cut)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (D("100635.6500"), "100,635.65"),
        (D("1E-8"), "0.00000001"),
        (D("1E+3"), "1,000"),
        (D("-0.00"), "0"),
        (D("120"), "120"),
    ],
)
def test_digits_when_written_then_exact_and_plain(value, text):
    assert digits(value) == text


def test_thinned_when_there_are_many_points_then_few_stay_and_peaks_too():
    points = [(float(at), 1.0) for at in range(86_400)]
    points[50_000] = (50_000.0, 9.0)
    points[60_000] = (60_000.0, -9.0)
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS
    assert {points[50_000], points[60_000]} <= set(kept)
    assert kept == sorted(kept)
    assert thinned(points[:5]) == points[:5]


def test_points_when_many_then_thinned_like_a_list():
    plain = [(float(at), float(at * 7919 % 1009)) for at in range(5_000)]
    points = Points(plain)
    assert (len(points), points[17], points[-3:]) == (5_000, plain[17], plain[-3:])
    assert thinned(points) == thinned(plain)


def test_line_chart_when_all_values_are_equal_then_numbers_stay_finite():
    picture = line_chart("flat", [Line("mid", "mid", [(0, 0.0), (1, 0.0)])], 0, "quote")
    assert not re.search("nan|inf", picture)
    assert line_chart("none", [Line("mid", "mid", [])], 1, "quote") == ""


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (100_011.09, 100_042.16, ["100,015", "100,020", "100,025", "100,030", "100,035", "100,040"]),
        (0.03513, 0.03524, ["0.03514", "0.03516", "0.03518", "0.03520", "0.03522", "0.03524"]),
        (99_999.989, 100_000.02, ["99,999.990", "99,999.995", "100,000.000"]),
        (0, 0.53, ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (-3, 4, ["-3", "-2", "-1", "0", "1", "2", "3", "4"]),
    ],
)
def test_heights_when_labelled_then_round_and_told_apart(low, high, labels):
    assert [f"{height:,f}" for height in heights(low, high)][: len(labels)] == labels


@given(st.floats(-1e9, 1e9), st.floats(1e-7, 1e9))
def test_heights_when_any_range_then_some_inside_of_it(low, span):
    found = heights(low, low + span)
    assert 2 <= len(found) <= MOST_HEIGHTS
    assert low <= found[0] < found[-1] <= low + span


def test_bar_chart_when_a_share_is_out_of_range_then_the_bar_stays_inside():
    assert 'width="0.0"' in bar_chart("shares", [Bar("A", -1, "?")])
    assert bar_chart("shares", [Bar("A", 2, "?")]) == bar_chart("shares", [Bar("A", 1, "?")])


@pytest.mark.parametrize(
    ("seconds", "label"), [(4, "4 s"), (600, "10 min"), (86_400, "24 h"), (0.4, "0.4 s")]
)
def test_line_chart_when_long_or_short_then_the_time_axis_is_readable(seconds, label):
    assert f">{label}</text>" in line_chart("x", [Line("mid", "mid", [(0, 1.0)])], seconds, "quote")
