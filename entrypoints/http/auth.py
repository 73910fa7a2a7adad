"""Who is calling: the bearer token of the `Authorization` header."""

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
