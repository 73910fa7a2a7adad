"""The API's documentation: OpenAPI, AsyncAPI, and Swagger UI from its package, without any other host."""

import asyncio
from functools import cached_property
from importlib import resources
from typing import Any

from quart import Quart, Response
from werkzeug.exceptions import NotFound

from twap.entrypoints.http import answers, asyncapi, openapi, wire

_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
"""The files of the package that the page needs; nothing else of it is served."""

_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Twap-Trading-API</title>
<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  validatorUrl: null
});
"""
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KEEP = "public, max-age=86400"


class DocumentationRoutes:
    """Encodes each document once, when it is first asked for."""

    def install(self, app: Quart) -> None:
        app.add_url_rule("/openapi.json", "openapi", self.openapi, methods=["GET"])
        app.add_url_rule("/asyncapi.json", "asyncapi", self.asyncapi, methods=["GET"])
        app.add_url_rule("/docs", "docs", self.page, methods=["GET"])
        app.add_url_rule("/docs/assets/<name>", "docs_asset", self.asset, methods=["GET"])

    @cached_property
    def _openapi(self) -> bytes:
        return wire.encode(openapi.document())

    @cached_property
    def _asyncapi(self) -> bytes:
        return wire.encode(asyncapi.document())

    async def openapi(self) -> Response:
        return _document(self._openapi)

    async def asyncapi(self) -> Response:
        return _document(self._asyncapi)

    async def page(self) -> Response:
        headers: dict[str, Any] = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
        return Response(_PAGE, 200, headers, content_type="text/html; charset=utf-8")

    async def asset(self, name: str) -> Response:
        if name == "start.js":
            return _asset(_START, "text/javascript; charset=utf-8")
        if name not in _ASSETS:
            raise NotFound
        file = resources.files("flask_swagger_ui") / "dist" / name
        return _asset(await asyncio.to_thread(file.read_bytes), _ASSETS[name])


def _document(body: bytes) -> Response:
    tag = answers.tag(body)
    return answers.unchanged(tag) or answers.tagged(body, tag)


def _asset(body: bytes, content_type: str) -> Response:
    tag = answers.tag(body)
    unchanged = answers.unchanged(tag)
    return unchanged or Response(body, 200, {"ETag": tag, "Cache-Control": _KEEP}, content_type=content_type)
