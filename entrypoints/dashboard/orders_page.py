"""The caller's orders, and one of them in detail."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from twap.entrypoints.client import TwapClient
from twap.entrypoints.dashboard import figures, views
from twap.entrypoints.dashboard.problems import problems_shown
from twap.entrypoints.dashboard.server import Server
from twap.entrypoints.dashboard.tables import table

MOST_LISTED = 50
LAST_EXECUTIONS = 100
LIST_SECONDS = 2
LONG_ORDER_SLICES, DETAIL_SECONDS, LONG_DETAIL_SECONDS = 600, 2, 10
ORDER, EXPLAINED = "chosen_order", "explained"
Json = dict[str, Any]


def show(server: Server) -> None:
    st.header("My orders")
    st.fragment(_draw_list, run_every=LIST_SECONDS)(server)
    orders = server.ask(_newest_orders)
    if not orders:
        return
    titles = {order["order_id"]: views.order_title(order) for order in orders}
    if st.session_state.get(ORDER) not in titles:
        st.session_state[ORDER] = next(iter(titles))
    order_id = st.selectbox("Order in detail", list(titles), format_func=titles.__getitem__, key=ORDER)
    chosen = next(order for order in orders if order["order_id"] == order_id)
    running = chosen["status"] not in views.OVER
    long = chosen["slices_total"] > LONG_ORDER_SLICES
    seconds = (LONG_DETAIL_SECONDS if long else DETAIL_SECONDS) if running else None
    st.fragment(_draw_order, run_every=seconds)(server, order_id, running)


def _draw_list(server: Server) -> None:
    with problems_shown(server):
        rows = views.order_rows(server.ask(_newest_orders))
        if rows:
            table(rows)
        else:
            st.info("There are no orders yet.")


def _draw_order(server: Server, order_id: str, was_running: bool) -> None:
    with problems_shown(server):
        order = server.ask(lambda twap: twap.order(order_id))
        if was_running and order["status"] in views.OVER:
            st.rerun()  # drawn once more, and then no longer again and again
        st.progress(views.progress_ratio(order), text=views.literal(views.progress_line(order)))
        st.caption(f"Order {order_id}")
        _draw_actions(server, order)
        for said in (*order["warnings"], order["note"]):
            if said:
                st.warning(views.literal(said))
        report = server.ask(lambda twap: twap.report(order_id))
        samples = _explained(server, order)
        price, fill = st.columns(2)
        price.subheader("Fills against mid and average")
        prices = figures.price_chart(order, report, samples)
        price.plotly_chart(prices, key="price_chart", config=figures.SHOWN)
        fill.subheader("Cumulative fill against schedule")
        fill.plotly_chart(figures.fill_chart(order, samples), key="fill_chart", config=figures.SHOWN)
        _draw_report(report)
        st.subheader("Executions")
        st.caption(f"The last {LAST_EXECUTIONS} at most, newest first.")
        table(views.execution_rows(order["executions"], LAST_EXECUTIONS))


def _draw_actions(server: Server, order: Json) -> None:
    order_id = order["order_id"]
    possible = views.actions(order["status"])
    calls: dict[str, Callable[[TwapClient], Any]] = {
        "pause": lambda twap: twap.pause(order_id),
        "resume": lambda twap: twap.resume(order_id),
        "cancel": lambda twap: twap.cancel(order_id),
    }
    for column, (name, call) in zip(st.columns(8), calls.items(), strict=False):
        if column.button(
            name.capitalize(), key=f"{name}_order", disabled=not possible[name], width="stretch"
        ):
            server.ask(call)
            st.rerun()


def _draw_report(report: Json) -> None:
    numbers, exchanges = st.columns(2)
    with numbers:
        st.subheader("Report")
        st.caption(views.SIGN_CONVENTION)
        table(views.report_rows(report), whole=True)
    with exchanges:
        st.subheader("Share per exchange")
        st.plotly_chart(figures.share_chart(report), key="share_chart", config=figures.SHOWN)
        missed = views.missed_rows(report)
        if missed:
            st.subheader("Slices that filled less than their target")
            table(missed)
    st.subheader("Exchanges")
    table(views.venue_rows(report))


async def _newest_orders(twap: TwapClient) -> list[Json]:
    orders = []
    async for order in twap.orders(page_size=MOST_LISTED):
        orders.append(order)
        if len(orders) == MOST_LISTED:
            break
    return orders


def _explained(server: Server, order: Json) -> list[Json]:
    """What a sample of the slices saw. One that is over never changes, so each is asked for once."""
    order_id = order["order_id"]
    wanted = figures.sampled_slices(int(order["slices_done"]))
    kept_of, known = st.session_state.get(EXPLAINED, (None, {}))
    if kept_of != order_id:
        known = {}
        st.session_state[EXPLAINED] = order_id, known
    missing = [number for number in wanted if number not in known]

    async def asked(twap: TwapClient) -> None:
        for number in missing:
            explained = await twap.explain(order_id, number)
            known[number] = {name: explained[name] for name in ("slice", "looked_at", "mid", "target")}

    if missing:
        server.ask(asked)
    return [known[number] for number in wanted]
