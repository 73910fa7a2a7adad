"""The last step of an answer, from Quart's object to the server."""

from typing import cast

from hypercorn.typing import ASGISendCallable, HTTPResponseBodyEvent, HTTPResponseStartEvent
from quart import Response
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import decode_headers, encode_headers
from quart.wrappers.response import DataBody

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
DEFAULT_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"no-store"),
)
"""Unless the answer says otherwise."""


class Connection(ASGIHTTPConnection):
    """Sends a whole body in one message, where Quart takes two, and adds the headers that all answers have
    as bytes: together that pays for everything else that is done for each request."""

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
