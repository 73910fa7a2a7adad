"""One row per method and path: what it takes, what it answers, which errors it can give."""

from collections.abc import Sequence

from twap.entrypoints.http import openapi_examples as examples
from twap.entrypoints.http.openapi_order_routes import ORDER_ROUTES
from twap.entrypoints.http.openapi_parts import (
    ETAG,
    NOTHING,
    PARAMETER,
    UNCHANGED,
    Answer,
    Route,
    json_answer,
    path_parameter,
    query_parameter,
    text_answer,
)
from twap.entrypoints.http.openapi_schemas import Schema

_SEGMENT: Schema = {"type": "string", "minLength": 1, "pattern": r"^[^/\\?#%.]+$"}
_EXCHANGE = path_parameter("exchange", _SEGMENT, "Binance")
_SYMBOL = path_parameter("symbol", _SEGMENT, "BTCUSDT")
_MOMENT: Schema = {"type": "string", "format": "date-time"}

_SERVER = (
    Route(
        "GET",
        "/",
        "welcome",
        "server",
        "Welcome",
        {200: json_answer("Message", {"message": "Welcome to the Twap-Trading-API"})},
    ),
    Route(
        "GET",
        "/ping",
        "ping",
        "server",
        "Is the server there?",
        {
            200: json_answer(
                "Ping", {"status": "ok", "message": "Server is running", "timestamp": examples.NOW}
            )
        },
    ),
    Route(
        "GET",
        "/health/live",
        "live",
        "server",
        "Liveness: the process answers",
        {200: json_answer("Alive", {"status": "alive"})},
    ),
    Route(
        "GET",
        "/health/ready",
        "ready",
        "server",
        "Readiness: storage, and at least one exchange",
        {
            200: json_answer(
                "Ready",
                {"status": "ready", "storage": "ready", "feeds": {"Binance": "live"}, "executor": {}},
            )
        },
        errors=(503,),
    ),
    Route(
        "GET",
        "/metrics",
        "metrics",
        "server",
        "Metrics as Prometheus text",
        {200: text_answer("text/plain", "twap_http_requests_total 1.0\n", "Prometheus text format 0.0.4")},
    ),
    Route(
        "GET",
        "/docs",
        "docs",
        "documentation",
        "Swagger UI",
        {200: text_answer("text/html", "<!doctype html>", "A page")},
    ),
    Route(
        "GET",
        "/openapi.json",
        "openapi",
        "documentation",
        "This document",
        {200: Answer("OpenAPI 3.1", {"application/json": {"schema": {"type": "object"}, "example": {}}})},
    ),
    Route(
        "GET",
        "/asyncapi.json",
        "asyncapi",
        "documentation",
        "The WebSocket `/ws`",
        {200: Answer("AsyncAPI 3.0", {"application/json": {"schema": {"type": "object"}, "example": {}}})},
    ),
)

_MARKETS = (
    Route(
        "GET",
        "/exchanges",
        "exchanges",
        "markets",
        "The enabled exchanges",
        {200: json_answer("Exchanges", {"exchanges": ["Binance", "Bybit", "Coinbase", "Kucoin"]})},
    ),
    Route(
        "GET",
        "/exchanges/status",
        "exchanges_status",
        "markets",
        "How the feed of each exchange does",
        {200: json_answer("ExchangesStatus", {"exchanges": {"Binance": examples.FEED}})},
    ),
    Route(
        "GET",
        "/{exchange}/symbols",
        "symbols",
        "markets",
        "What an exchange trades",
        {200: json_answer("Symbols", {"symbols": ["BTCUSDT", "ETHUSDT"]}, headers=ETAG), 304: UNCHANGED},
        errors=(404, 502, 503),
        parameters=(_EXCHANGE,),
    ),
    Route(
        "GET",
        "/klines/{exchange}/{symbol}",
        "klines",
        "markets",
        "Candles with start_time <= open < end_time",
        {200: json_answer("Klines", {"klines": {"2025-02-01T00:00:00Z": examples.CANDLE}})},
        errors=(404, 422, 502, 503),
        parameters=(
            _EXCHANGE,
            _SYMBOL,
            query_parameter(
                "interval", PARAMETER, "Such as 1m, 1h, 1d; what each exchange has differs", True
            ),
            query_parameter("start_time", _MOMENT, "ISO 8601; UTC where no zone is given", True),
            query_parameter("end_time", _MOMENT, "ISO 8601; UTC where no zone is given", True),
        ),
    ),
)

_ACCOUNTS = (
    Route(
        "POST",
        "/register",
        "register",
        "accounts",
        "Make an account",
        {201: json_answer("Message", {"message": "User correctly registered"}, "Registered")},
        errors=(429, 503),
        body=("Credentials", examples.CREDENTIALS),
    ),
    Route(
        "POST",
        "/login",
        "login",
        "accounts",
        "Get an access and a refresh token",
        {200: json_answer("TokenPair", examples.TOKENS)},
        errors=(401, 429, 503),
        body=("Credentials", examples.CREDENTIALS),
    ),
    Route(
        "POST",
        "/token/refresh",
        "token_refresh",
        "accounts",
        "Spend a refresh token for a new pair; its reuse revokes the family",
        {200: json_answer("TokenPair", examples.TOKENS)},
        errors=(401, 503),
        body=("RefreshRequest", {"refresh_token": "eyJ0eXAiOi…"}),
    ),
    Route(
        "POST",
        "/logout",
        "logout",
        "accounts",
        "Revoke the token's family",
        {204: NOTHING},
        token=True,
    ),
    Route(
        "GET",
        "/secure",
        "secure",
        "accounts",
        "Does the token work?",
        {
            200: json_answer(
                "MessageAt",
                {"message": "Hello alice! This is secure data", "timestamp": examples.NOW},
            )
        },
        token=True,
    ),
    Route(
        "DELETE",
        "/unregister",
        "unregister",
        "accounts",
        "Delete the account; running orders are cancelled first",
        {200: json_answer("Message", {"message": "User successfully unregistered"})},
        errors=(403,),
        token=True,
    ),
    Route(
        "GET",
        "/users",
        "users",
        "accounts",
        "All users (admins only)",
        {200: json_answer("Users", {"users": [{"username": "alice", "role": "user"}]})},
        errors=(403,),
        token=True,
    ),
)

ROUTES: Sequence[Route] = (*_SERVER, *_MARKETS, *_ACCOUNTS, *ORDER_ROUTES)
