"""Answers that handlers give: JSON, empty, unchanged; and what every answer is given before it leaves."""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from typing import Any

from quart import Request, Response, request

from twap.entrypoints.http import wire

JSON = "application/json"

_COMPRESSED_FROM_BYTES = 1024
_WITHOUT_BODY = (204, 304)
_IN_A_THREAD_FROM_BYTES = 64 * 1024
_COMPRESSIBLE = ("application/json", "application/problem+json", "text/", "application/javascript")


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of a structure that `wire` made."""
    return encoded(wire.encode(value), status, headers)


def encoded(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON that is encoded already."""
    return Response(body, status, dict(headers) if headers else None, content_type=JSON)


def tag(body: bytes) -> str:
    """An entity tag of what a body says. Weak, since it may be compressed on its way."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def unchanged(entity_tag: str) -> Response | None:
    """304 where the client has this version already, else None."""
    if not request.if_none_match.contains_weak(entity_tag[3:-1]):
        return None
    return Response(b"", 304, {"ETag": entity_tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"})


def tagged(body: bytes, entity_tag: str) -> Response:
    """JSON that the client may keep, asking each time whether it still holds."""
    return encoded(body, headers={"ETag": entity_tag, "Cache-Control": "no-cache"})


async def finish(response: Response, request: Request, request_id: str) -> None:
    """Request id, compression, and no body where the method wants none. (`connection` adds what is the same
    for all answers.)"""
    headers = response.headers
    headers.add("X-Request-Id", request_id)
    length = response.content_length or 0
    if length > _COMPRESSED_FROM_BYTES and (response.mimetype or "").startswith(_COMPRESSIBLE):
        headers.add("Vary", "Accept-Encoding")
        if request.accept_encodings["gzip"] > 0:
            await _compress(response, length)
    if response.status_code in _WITHOUT_BODY:
        # A length of 0 would be one of the body that the client has (RFC 9110, 8.6).
        headers.pop("Content-Type", None)
        headers.pop("Content-Length", None)
    elif request.method == "HEAD":
        length = response.content_length or 0
        response.set_data(b"")
        headers["Content-Length"] = str(length)


async def _compress(response: Response, length: int) -> None:
    body = await response.get_data(as_text=False)
    if length < _IN_A_THREAD_FROM_BYTES:
        response.set_data(gzip.compress(body, 5, mtime=0))
    else:
        response.set_data(await asyncio.to_thread(gzip.compress, body, 5, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
