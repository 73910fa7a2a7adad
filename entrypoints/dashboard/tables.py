"""Tables that never cut a digit: Streamlit's interactive ones end a long cell at the column's edge."""

from collections.abc import Sequence

import streamlit as st

from twap.entrypoints.dashboard.views import Row, literal

MOST_ROWS, MOST_PIXELS = 12, 460


def table(rows: Sequence[Row], *, whole: bool = False) -> None:
    """Cells are shown as they are: no Markdown. Many rows scroll, unless `whole`."""
    if rows:
        cells = [{name: literal(value) for name, value in row.items()} for row in rows]
        height = "content" if whole or len(rows) <= MOST_ROWS else MOST_PIXELS
        st.table(cells, hide_index=True, height=height, border="horizontal")
