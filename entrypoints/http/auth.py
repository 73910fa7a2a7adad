"""Who is calling: the bearer token of the `Authorization` header, and the client's address."""

from collections.abc import Collection

from quart import request

from twap.entrypoints.services import Services
from twap.ports.account import Claims, User
from twap.ports.errors import Unauthorized


async def caller(services: Services) -> tuple[User, Claims]:
    """The user whose token came with the request. Raises Unauthorized.

    Only the header counts: tokens in addresses end up in logs and histories.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("send the access token of POST /login in the header: Authorization: Bearer TOKEN")
    return await services.authenticate(token.strip())


def client_address(trusted_proxies: Collection[str]) -> str:
    """The peer's address; behind trusted proxies the last address that is none of them."""
    peer = request.remote_addr or ""
    if peer not in trusted_proxies:
        return peer
    named = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return next((address for address in reversed(named) if address not in trusted_proxies), peer)
