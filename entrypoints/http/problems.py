"""Every error as `application/problem+json` (RFC 9457). One table says which status an error is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from quart import Quart, Response, g, has_request_context, request, websocket
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge, RequestTimeout
from werkzeug.routing import WebsocketMismatch

from twap.entrypoints.http import wire
from twap.ports import errors

CONTENT_TYPE = "application/problem+json"
MOST_LOGGED = 200
"""Characters of a method or a path, which may be as long as the head of a request."""

STATUS: Mapping[type[errors.TwapError], int] = {
    errors.Refused: 400,
    errors.UsernameTaken: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LostClaim: 409,
    errors.InvalidField: 422,
    errors.Throttled: 429,
    errors.CodecError: 502,
    errors.UpstreamError: 502,
    errors.Unavailable: 503,
    errors.TwapError: 500,
}
"""Looked up along the error's base classes: the nearest one counts."""

_STATEMENTS: Mapping[type[errors.TwapError], str] = {
    errors.StorageError: "the storage can't be reached now; nothing was changed",
    errors.LostClaim: "the order was changed by something else at the same time; try again",
    errors.CodecError: "the exchange gave an answer that can't be used",
}
"""Said instead of the error's own text, which is meant for the operator."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """field: as on the wire, nested ones with dots; problem: what is wrong and what would be right."""

    field: str
    problem: str


class InvalidRequest(errors.Refused):
    """The fields of a request break rules: 422 with the list of them."""

    def __init__(self, problems: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{each.field}: {each.problem}" for each in problems))
        self.problems = tuple(problems)


class MalformedBody(errors.Refused):
    """The body is not the JSON that was expected: 400."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is answered. title: the same for all problems of a kind; detail: of this one."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def of_error(error: errors.TwapError) -> Problem:
    """What a client is told of one of our errors."""
    if isinstance(error, InvalidRequest):
        return _invalid(str(error), error.problems)
    if isinstance(error, errors.InvalidField):
        return _invalid(str(error), [FieldError(error.field, str(error).removeprefix(f"{error.field}: "))])
    status = next(STATUS[base] for base in type(error).__mro__ if base in STATUS)
    detail = next((_STATEMENTS[base] for base in type(error).__mro__ if base in _STATEMENTS), str(error))
    headers = {}
    if isinstance(error, (errors.Throttled, errors.Unavailable)):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = _INTERNAL
    return Problem(status, HTTPStatus(status).phrase, detail, headers)


_INTERNAL = "something went wrong inside the server; the log has it under this request id"


def _invalid(detail: str, problems: Sequence[FieldError]) -> Problem:
    listed = [{"field": each.field, "problem": each.problem} for each in problems]
    return Problem(422, "Invalid Request", detail, extra={"errors": listed})


def response(problem: Problem, request_id: str) -> Response:
    """The answer in the form of RFC 9457; `type` stays `about:blank`: the status and title say the kind.

    request_id  empty where there is none: in a refused handshake of a WebSocket
    """
    body = {
        **_members(problem.status, problem.title, problem.detail),
        "instance": _path(),
        **({"request_id": request_id} if request_id else {}),
        **problem.extra,
    }
    return Response(wire.encode(body), problem.status, dict(problem.headers), content_type=CONTENT_TYPE)


def of_protocol(status: int, detail: str) -> bytes:
    """The body for what is no request that the app could answer."""
    return wire.encode(_members(status, HTTPStatus(status).phrase, detail))


def _members(status: int, title: str, detail: str) -> dict[str, object]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def _path() -> str:
    """Of the request that is answered, or of the handshake of a WebSocket that is no `/ws`."""
    return request.path if has_request_context() else websocket.path


def install(app: Quart) -> None:
    """Answer every error of the app, the framework's own included, as a problem."""
    log = structlog.get_logger("twap.http")

    async def ours(error: errors.TwapError) -> Response:
        problem = of_error(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning(
                "request failed", path=_path()[:MOST_LOGGED], reason=str(error), kind=type(error).__name__
            )
        return response(problem, request_id())

    async def frameworks(error: HTTPException) -> Response:
        return response(_of_framework(error, app), request_id())

    async def unforeseen(error: Exception) -> Response:
        log.exception("request crashed", path=_path()[:MOST_LOGGED])
        return response(Problem(500, HTTPStatus(500).phrase, _INTERNAL), request_id())

    app.register_error_handler(errors.TwapError, ours)
    app.register_error_handler(HTTPException, frameworks)
    app.register_error_handler(Exception, unforeseen)


def _of_framework(error: HTTPException, app: Quart) -> Problem:
    if isinstance(error, WebsocketMismatch):
        return _mismatch()
    status = HTTPStatus(error.code or 500)
    headers = dict(error.get_headers())
    headers.pop("Content-Type", None)
    detail = error.description or status.phrase
    match error:
        case MethodNotAllowed():
            detail = f"{request.method} is not possible here; allowed: {headers.get('Allow', '')}"
        case RequestEntityTooLarge():
            detail = f"the body is too large; at most {app.config['MAX_CONTENT_LENGTH']} bytes are read"
        case RequestTimeout():
            detail = f"the body did not arrive within {app.config['BODY_TIMEOUT']} seconds"
        case _ if status == HTTPStatus.NOT_FOUND:
            detail = "there is nothing at this address; /docs lists what there is"
    return Problem(status, status.phrase, detail, headers)


def _mismatch() -> Problem:
    """HTTP where a WebSocket is spoken, or the other way round."""
    if not has_request_context():
        return Problem(400, "Bad Request", "this is no WebSocket address; /ws is")
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return Problem(426, "Upgrade Required", "this address speaks WebSocket; see /asyncapi.json", headers)


def request_id() -> str:
    """Of the request that is being answered."""
    return str(g.get("request_id", ""))
