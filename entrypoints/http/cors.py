"""Cross-origin calls, for the origins that the settings name. Off by default."""

from collections.abc import Collection

from quart import Response, request

_METHODS = "GET, POST, DELETE"
_REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, X-Request-Id"
_EXPOSED_HEADERS = "ETag, Link, Retry-After, X-Request-Id"
_PREFLIGHT_SECONDS = "600"


def allow(response: Response, origins: Collection[str]) -> None:
    """Let the caller's page read the answer, where its origin is allowed."""
    headers = response.headers
    headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is None or not ("*" in origins or origin in origins):
        return
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
