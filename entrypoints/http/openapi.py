"""The OpenAPI 3.1 document, assembled from the table of routes and the schemas."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from twap.entrypoints.http import problems
from twap.entrypoints.http.openapi_parts import Answer, Route
from twap.entrypoints.http.openapi_reports import REPORT_SCHEMAS
from twap.entrypoints.http.openapi_routes import ROUTES
from twap.entrypoints.http.openapi_schemas import SCHEMAS

_TAGS = {
    "server": "The server about itself",
    "markets": "Exchanges, symbols, candles and feeds",
    "accounts": "Users and tokens",
    "orders": "TWAP orders",
    "reports": "What came of an order",
    "documentation": "This document and its like",
}

ERRORS: Mapping[int, tuple[str, str]] = {
    400: (
        "The body is no JSON, or the request is refused",
        "the body is not JSON: Expecting value at character 0",
    ),
    401: ("No token, or one that is wrong, expired or revoked", "token has been revoked"),
    403: ("Known, but not allowed", "only an admin may list the users"),
    404: ("Not there, or not the caller's", "no order '0190'"),
    408: ("The body did not arrive in time", "the body did not arrive within 10 seconds"),
    409: ("Contradicts what is stored", "order 0190 is completed; it can't become canceled"),
    413: ("The body is too large", "the body is too large; at most 65536 bytes are read"),
    422: (
        "A field or parameter breaks a rule; a body's are all listed",
        "limit: must be an integer from 1 to 500",
    ),
    429: ("Too many attempts", "too many attempts to log in; try again in 30 seconds"),
    500: ("A fault of the server", "something went wrong inside the server"),
    502: ("The exchange gave an answer that can't be used", "Binance gave an answer that can't be used"),
    503: ("Storage or exchange can't be reached now", "Binance can't be reached: connection refused"),
}
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Conflict",
    413: "Request Entity Too Large",
    422: "Invalid Request",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


def document() -> dict[str, Any]:
    """The whole document, as plain structures."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Twap-Trading-API",
            "version": metadata.version("twap-trading-api"),
            "summary": "Paper trading with TWAP orders on live crypto order books",
            "description": (
                "Numbers are exact decimals in plain digits; times are ISO 8601 in UTC. Errors are"
                " `application/problem+json`. Live books and order changes: `/ws`, see `/asyncapi.json`."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **REPORT_SCHEMAS},
            "responses": {_error_name(status): _error(status) for status in ERRORS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {str(status): _answer(answer) for status, answer in sorted(route.answers.items())}
    for status in sorted(_error_statuses(route)):
        answers[str(status)] = {"$ref": f"#/components/responses/{_error_name(status)}"}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "responses": answers,
    }
    if route.parameters:
        operation["parameters"] = list(route.parameters)
    if route.token:
        operation["security"] = [{"token": []}]
    if route.body is not None:
        schema, example = route.body
        content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _error_statuses(route: Route) -> set[int]:
    statuses = {*route.errors, 500}
    if route.token:
        statuses |= {401, 503}
    if route.body is not None:
        statuses |= {400, 408, 413, 422}
    return statuses


def _answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        described["headers"] = dict(answer.headers)
    if answer.content:
        described["content"] = dict(answer.content)
    return described


def _error_name(status: int) -> str:
    return _TITLES[status].replace(" ", "")


def _error(status: int) -> dict[str, Any]:
    description, detail = ERRORS[status]
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "detail": detail,
        "instance": "/orders",
        "request_id": "0190f5fe7c3e7d0f8a4b5c6d7e8f9a0b",
    }
    if status == 422:
        field, _, problem = detail.partition(": ")
        example["errors"] = [{"field": field, "problem": problem}]
    error: dict[str, Any] = {
        "description": description,
        "content": {
            problems.CONTENT_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }
    if status in (429, 503):
        error["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    if status == 401:
        error["headers"] = {"WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}}}
    return error
