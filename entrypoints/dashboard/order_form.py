"""A form that submits a TWAP order; what the server refuses is said at the field that it is about."""

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

from twap.entrypoints.client import ApiError
from twap.entrypoints.dashboard import orders_page, ticket
from twap.entrypoints.dashboard.server import Server
from twap.entrypoints.dashboard.ticket import Field
from twap.entrypoints.dashboard.views import literal, order_title

INVALID = 422
NOT_FOUND, CONFLICT = 404, 409


def show(server: Server) -> None:
    st.header("New TWAP order")
    st.caption("Numbers are taken digit by digit. The server checks them when the order is submitted.")
    enabled = server.ask(lambda twap: twap.exchanges())
    with st.form("order_form"):
        form = _Form()
        form.draw_main(enabled)
        with st.expander("Options"):
            form.draw_options()
        submitted = st.form_submit_button("Submit order", type="primary")
        top = st.container()
    if submitted:
        _submit(server, form, top.error, top.success)


def _submit(
    server: Server, form: "_Form", say_error: Callable[[str], Any], say_success: Callable[[str], Any]
) -> None:
    body = ticket.body(form.written)
    try:
        order = server.ask(lambda twap: twap.submit(**body))
    except ApiError as error:
        if error.status not in (INVALID, NOT_FOUND, CONFLICT):
            raise
        for field, problem in ticket.complaints(error.detail, error.errors).items():
            (form.places[field].error if field in form.places else say_error)(literal(problem))
        return
    say_success(literal(f"Accepted: {order_title(order)}. It is the first one of “My orders”."))
    for warning in order["warnings"]:
        st.warning(literal(warning))
    st.session_state[orders_page.ORDER] = order["order_id"]


class _Form:
    """written: what each field holds; places: below each field, for what is wrong with it."""

    def __init__(self) -> None:
        self.written: dict[str, Any] = {}
        self.places: dict[str, Any] = {}

    def draw_main(self, enabled: list[str]) -> None:
        symbol, side, exchanges = st.columns((2, 1, 4))
        with symbol:
            self._put("symbol", st.text_input("Symbol", "BTCUSDT", key="order.symbol"))
        with side:
            self._put("side", st.selectbox("Side", ("buy", "sell"), key="order.side"))
        with exchanges:
            chosen = st.multiselect("Exchanges", enabled, default=enabled, key="order.exchanges")
            self._put("exchanges", chosen)
        self._draw(ticket.AMOUNTS)

    def draw_options(self) -> None:
        fees = st.selectbox("Fees when exchanges are ranked", ("ignore", "include"), key="order.fees")
        self._put("fees", fees)
        self._draw(ticket.OPTIONS[:4])
        self._draw(ticket.OPTIONS[4:])

    def _draw(self, fields: Iterable[Field]) -> None:
        listed = tuple(fields)
        for column, field in zip(st.columns(len(listed)), listed, strict=True):
            with column:
                key = f"order.{field.name}"
                value = st.text_input(field.label, field.initial, key=key, help=field.help or None)
                self._put(field.name, value)

    def _put(self, name: str, value: object) -> None:
        self.written[name] = value
        self.places[name] = st.empty()
