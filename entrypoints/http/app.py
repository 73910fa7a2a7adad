"""The HTTP app: `create_app(services)` builds it from what it is given; it keeps nothing global."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

import structlog
from quart import Quart, Request, Response, g
from quart.ctx import RequestContext
from quart.typing import ResponseReturnValue, ResponseTypes
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from twap.entrypoints.http import answers, cors, problems
from twap.entrypoints.http.accounts import AccountRoutes
from twap.entrypoints.http.connection import Connection
from twap.entrypoints.http.docs import DocumentationRoutes
from twap.entrypoints.http.markets import MarketRoutes
from twap.entrypoints.http.meta import MetaRoutes
from twap.entrypoints.http.metrics import HttpMetrics
from twap.entrypoints.http.orders import OrderRoutes
from twap.entrypoints.http.reports import ReportRoutes
from twap.entrypoints.services import Services

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_QUIET_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY_SECONDS = 10
"""In which a request's body must have arrived: slow senders are not waited for."""


class OrderId(BaseConverter):
    """Any id; `/orders/twap` is no order, so that its `Allow` names its own methods alone."""

    regex = "(?!twap$)[^/]+"
    part_isolating = True


class TwapApp(Quart):
    """Quart, with what every answer has in common done in one place."""

    asgi_http_class = Connection

    def __init__(self, services: Services) -> None:
        super().__init__(__name__, static_folder=None)
        self._services = services
        self._metrics = HttpMetrics(services.metrics)
        self._log = structlog.get_logger("twap.http")
        self._verbose = services.settings.log_level == "debug"
        self.config["MAX_CONTENT_LENGTH"] = services.settings.max_body_bytes
        self.config["BODY_TIMEOUT"] = _BODY_SECONDS
        self.url_map.converters["id"] = OrderId
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """All handlers here are coroutines; Quart would inspect each of them again at each request."""
        return func

    async def full_dispatch_request(self, request_context: RequestContext | None = None) -> ResponseTypes:
        """In place of Quart's, which also looks for hooks, sessions and signals: there are none here."""
        started = self._services.clock.monotonic()
        request = cast(RequestContext, request_context).request
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else self._services.ids.new()
        g.request_id = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        result: ResponseReturnValue | HTTPException
        try:
            result = await self.dispatch_request(request_context)
        except Exception as error:  # noqa: BLE001 - the handlers of `problems` answer every error
            result = await self.handle_user_exception(error)
        response = await self.make_response(result)
        if isinstance(response, Response):
            await answers.finish(response, request, request_id)
            if origins := self._services.settings.cors_origins:
                cors.allow(response, origins)
        self._account(request, response.status_code, self._services.clock.monotonic() - started)
        return response

    def _account(self, request: Request, status: int, seconds: float) -> None:
        rule = request.url_rule
        self._metrics.observe(rule.rule if rule else "none", request.method, status, seconds)
        # Reads that went well are many and say little.
        if self._verbose or status >= 400 or request.method not in _QUIET_METHODS:
            self._log.info(
                "request",
                method=request.method[: problems.MOST_LOGGED],
                path=request.path[: problems.MOST_LOGGED],
                status=status,
                ms=round(seconds * 1000, 2),
            )


def create_app(services: Services) -> Quart:
    """The REST API over these services. The WebSocket is added by `twap.entrypoints.ws`."""
    app = TwapApp(services)
    problems.install(app)
    for routes in (
        MetaRoutes(services),
        AccountRoutes(services),
        OrderRoutes(services),
        ReportRoutes(services),
        DocumentationRoutes(),
        MarketRoutes(services),
    ):
        routes.install(app)
    return app
