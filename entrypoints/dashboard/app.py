"""The script that `twap dashboard` has Streamlit run: who is logged in, and what is shown."""

import os

import streamlit as st

from twap.entrypoints.dashboard import market_page, order_form, orders_page
from twap.entrypoints.dashboard.problems import problems_shown
from twap.entrypoints.dashboard.server import URL_VARIABLE, Server

MARKET, ORDERS, NEW_ORDER = "Market", "My orders", "New order"
LOCAL = "http://127.0.0.1:8000"


def main() -> None:
    st.set_page_config(page_title="twap", layout="wide")
    server = Server(os.environ.get(URL_VARIABLE, LOCAL), st.session_state)
    with st.sidebar:
        st.title("twap")
        st.caption("Paper trading with TWAP orders: fills are simulated, nothing is traded.")
        part = st.radio("Show", (MARKET, ORDERS, NEW_ORDER), key="part")
        _account(server)
        st.text(f"Server: {server.url}")
    with problems_shown(server):
        if part == MARKET:
            market_page.show(server)
        elif server.username is None:
            st.info("Orders belong to an account: log in, or register, at the left.")
        elif part == ORDERS:
            orders_page.show(server)
        else:
            order_form.show(server)


def _account(server: Server) -> None:
    if server.username is not None:
        st.text(f"Logged in as {server.username}")
        with problems_shown(server):
            if st.button("Log out"):
                server.log_out()
                st.rerun()
        return
    with st.form("account"):
        username = st.text_input("Username", autocomplete="username")
        password = st.text_input("Password", type="password", autocomplete="current-password")
        entering, registering = st.columns(2)
        log_in = entering.form_submit_button("Log in", width="stretch")
        register = registering.form_submit_button("Register", width="stretch")
    if log_in or register:
        with problems_shown(server):
            server.log_in(username, password, register=register)
            st.rerun()


if __name__ == "__main__":
    main()
