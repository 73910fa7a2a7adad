"""Errors as sentences on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from twap.entrypoints.client import ApiError
from twap.entrypoints.dashboard.server import Server
from twap.entrypoints.dashboard.views import literal
from twap.ports.errors import TwapError

UNAUTHORIZED = 401


@contextmanager
def problems_shown(server: Server) -> Iterator[None]:
    """Says what the block could not do; a login that the server knows no more is forgotten."""
    try:
        yield
    except TwapError as error:
        if isinstance(error, ApiError) and error.status == UNAUTHORIZED and server.username is not None:
            server.forget()
            st.warning("The login has ended. Log in anew.")
        else:
            st.error(literal(str(error)))
