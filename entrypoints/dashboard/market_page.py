"""The exchanges' state, and the live consolidated book of a symbol."""

from collections.abc import Sequence

import streamlit as st

from twap.entrypoints.client import ServerUnreachable
from twap.entrypoints.dashboard import figures, views
from twap.entrypoints.dashboard.following import Follower, book_updates
from twap.entrypoints.dashboard.problems import problems_shown
from twap.entrypoints.dashboard.server import Server
from twap.entrypoints.dashboard.tables import table

DEPTHS = (10, 25, 50, 100)
ROWS = 12
BOOK_SECONDS, STATUS_SECONDS = 1, 3
FOLLOWER, FOLLOWED = "book_follower", "book_followed"
Wanted = tuple[str, tuple[str, ...], int]
"""Symbol, exchanges, depth."""


def show(server: Server) -> None:
    enabled = server.ask(lambda twap: twap.exchanges())
    st.header("Order book")
    symbol_column, exchanges_column, depth_column = st.columns((2, 4, 1))
    symbol = symbol_column.text_input("Symbol", "BTCUSDT", key="book_symbol").strip()
    exchanges = exchanges_column.multiselect("Exchanges", enabled, default=enabled, key="book_exchanges")
    depth = depth_column.selectbox("Prices a side", DEPTHS, index=1, key="book_depth")
    if symbol and exchanges:
        st.fragment(_draw_book, run_every=BOOK_SECONDS)(server, symbol, exchanges, depth)
    else:
        st.info("Name a symbol, and choose at least one exchange.")
    st.header("Exchanges")
    st.fragment(_draw_status, run_every=STATUS_SECONDS)(server)


def _draw_book(server: Server, symbol: str, exchanges: Sequence[str], depth: int) -> None:
    with problems_shown(server):
        newest = _follower(server.url, (symbol, tuple(exchanges), depth)).newest()
        if newest is None:
            st.info(f"Waiting for the book of {views.literal(symbol)} …")
            return
        late = views.lateness(newest.age_seconds)
        if late:
            st.warning(late)
        update = newest.update
        st.markdown(f"**{views.literal(views.book_headline(update))}**")
        st.caption(views.literal(f"{views.moment(update['timestamp'])} UTC. {views.source_line(update)}"))
        levels, chart = st.columns((3, 2))
        with levels:
            table(views.book_rows(update, ROWS))
        chart.plotly_chart(figures.depth_chart(update), key="depth_chart", config=figures.SHOWN)


def _draw_status(server: Server) -> None:
    with problems_shown(server):
        exchanges = server.ask(lambda twap: twap.exchange_status())
        table(views.status_rows(exchanges))


def _follower(url: str, wanted: Wanted) -> Follower:
    """The session's follower, if it follows this book; else it is stopped and another one is started.

    Raises what ended it; where that was the connection, the next call tries anew.
    """
    follower: Follower | None = st.session_state.get(FOLLOWER)
    if follower is not None and st.session_state.get(FOLLOWED) == wanted:
        failure = follower.failure
        if failure is not None:
            if isinstance(failure, ServerUnreachable):
                del st.session_state[FOLLOWER]
            raise failure
        if follower.running:
            return follower
    if follower is not None:
        follower.stop()
    follower = Follower(book_updates(url, *wanted))
    follower.start()
    st.session_state[FOLLOWER], st.session_state[FOLLOWED] = follower, wanted
    return follower
