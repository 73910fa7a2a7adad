"""The page itself, run by Streamlit's own test runner against the app on loopback."""

import asyncio
import json
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="needs the extra `dashboard`: streamlit is not installed")

from streamlit.testing.v1 import AppTest

from tests.api.test_client import running
from tests.fakes.services import make_services

SCRIPT = Path(__file__).parents[2] / "entrypoints" / "dashboard" / "app.py"
RUN_SECONDS = 30


class Page:
    """Each step in a thread of its own: the server that it asks runs in the test's loop."""

    def __init__(self):
        self.app = AppTest.from_file(SCRIPT, default_timeout=RUN_SECONDS)

    async def drawn(self):
        await asyncio.to_thread(self.app.run)
        assert not self.app.exception, self.app.exception
        return self

    def field(self, label):
        (found,) = (each for each in self.app.text_input if each.label == label)
        return found

    async def press(self, label):
        (button,) = (each for each in self.app.button if each.label == label)
        button.click()
        return await self.drawn()

    async def turn_to(self, part):
        self.app.radio(key="part").set_value(part)
        return await self.drawn()

    def said(self, kind):
        return [each.value.replace("\\", "") for each in getattr(self.app, kind)]


@pytest.fixture
async def page(monkeypatch):
    async with running(make_services()) as url:
        monkeypatch.setenv("TWAP_URL", url)
        yield await Page().drawn()


async def registered(page):
    page.field("Username").input("alice")
    page.field("Password").input("correct horse")
    return await page.press("Register")


async def test_page_when_no_server_answers_then_one_sentence(monkeypatch):
    monkeypatch.setenv("TWAP_URL", "http://127.0.0.1:9")
    page = await Page().drawn()
    (problem,) = page.said("error")
    assert "no server answers at http://127.0.0.1:9" in problem


async def test_page_when_nobody_is_logged_in_then_orders_ask_for_it(page):
    await page.turn_to("My orders")
    assert page.said("info") == ["Orders belong to an account: log in, or register, at the left."]


async def test_page_when_an_order_is_submitted_then_complaints_by_field_and_then_its_detail(page):
    await registered(page)
    assert "Logged in as alice" in page.said("text")
    await page.turn_to("New order")
    await page.press("Submit order")
    assert page.said("error") == ["not a decimal number: ''"]
    page.field("Limit price (quote)").input("101000.50")
    page.field("Total quantity (base)").input("0.123456789")
    await page.press("Submit order")
    assert "0.123456789 is no multiple of the lot size 0.00001" in page.said("error")[0]
    page.field("Total quantity (base)").input("0.12345")
    await page.press("Submit order")
    assert page.said("success")[0].startswith("Accepted: buy 0.12345 BTCUSDT")
    await page.turn_to("My orders")
    await page.press("Pause")
    (orders, *_) = page.app.table
    assert list(orders.value["status"]) == ["paused"]
    await page.press("Cancel")
    (orders, *_) = page.app.table
    assert list(orders.value["status"]) == ["canceled"]
    charts = page.app.get("plotly_chart")
    assert charts
    # Plotly's row of buttons would lie upon the legend.
    assert all(json.loads(chart.proto.config)["displayModeBar"] is False for chart in charts)


async def test_page_when_the_password_is_wrong_then_refused_and_nothing_is_kept(page):
    page.field("Username").input("alice")
    page.field("Password").input("wrong horse")
    await page.press("Log in")
    assert len(page.said("error")) == 1
    assert "tokens" not in page.app.session_state
