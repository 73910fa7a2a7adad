"""Whose request this is, also behind a proxy."""

from collections.abc import Collection

from quart import Request, Websocket


def client_address(asked: Request | Websocket, trusted_proxies: Collection[str]) -> str:
    """The peer's address; behind trusted proxies the last address that is none of them."""
    peer = asked.remote_addr or ""
    if peer not in trusted_proxies:
        return peer
    named = [part.strip() for part in asked.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return next((address for address in reversed(named) if address not in trusted_proxies), peer)
