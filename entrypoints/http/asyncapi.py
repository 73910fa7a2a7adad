"""The AsyncAPI 3.0 document of the WebSocket `/ws`."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from twap.entrypoints.http import openapi_examples as examples
from twap.entrypoints.http.openapi_schemas import (
    COUNT,
    SCHEMAS,
    TEXT,
    TIME,
    Schema,
    answer,
    listed,
    one_of,
    optional,
    ref,
)
from twap.ports.market import BookState
from twap.ports.order import OrderStatus

_EXCHANGES = listed(TEXT, minItems=1)
_SIDE: Schema = {
    "type": "object",
    "description": "Price to [quantity, names of the exchanges that show it]; quantities add up",
    "additionalProperties": {
        "type": "array",
        "prefixItems": [{"type": "number"}, TEXT],
        "minItems": 2,
        "maxItems": 2,
    },
}
_ASKED = {"symbol": "BTCUSDT", "exchanges": ["Binance", "Bybit"]}


def _action(name: str, **fields: Schema) -> Schema:
    return answer(action={"const": name}, **fields)


def _reply(kind: str, **fields: Schema) -> Schema:
    return answer(type={"const": kind}, **fields)


def _with_optional(schema: Schema, **fields: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], **fields}}


_SOURCE = _with_optional(
    answer(state=one_of(*BookState), age_ms=optional(COUNT), sequence=optional({"type": "integer"})),
    reason={**TEXT, "description": "Why it is not live"},
)

_FROM_CLIENT: Mapping[str, tuple[str, Schema, Mapping[str, Any]]] = {
    "subscribe": (
        "Ask for the book of these exchanges, once a second",
        _with_optional(
            _action("subscribe", symbol=TEXT, exchanges=_EXCHANGES), depth={"type": "integer", "default": 10}
        ),
        {"action": "subscribe", **_ASKED, "depth": 10},
    ),
    "unsubscribe": (
        "No more updates of it",
        _action("unsubscribe", symbol=TEXT, exchanges=_EXCHANGES),
        {"action": "unsubscribe", **_ASKED},
    ),
    "subscribe_orders": (
        "Hear of every change of the caller's orders",
        _action("subscribe_orders", token=TEXT),
        {"action": "subscribe_orders", "token": "eyJhbGciOi…"},
    ),
    "ping": ("Is the server there?", _action("ping"), {"action": "ping"}),
}

_FROM_SERVER: Mapping[str, tuple[str, Schema, Mapping[str, Any]]] = {
    "welcome": (
        "Sent on connect",
        _reply("welcome", message=TEXT),
        {"type": "welcome", "message": "Welcome to Twap-Trading-API WebSocket"},
    ),
    "subscribe_success": (
        "Updates follow at every whole second",
        _reply("subscribe_success", message=TEXT, symbol=TEXT, exchanges=_EXCHANGES),
        {"type": "subscribe_success", "message": "Subscribed to BTCUSDT", **_ASKED},
    ),
    "subscribe_failure": (
        "Already subscribed, or an unknown exchange or symbol",
        _reply("subscribe_failure", message=TEXT, symbol=TEXT),
        {"type": "subscribe_failure", "message": "Already subscribed to BTCUSDT", "symbol": "BTCUSDT"},
    ),
    "unsubscribe_success": (
        "No update of it follows",
        _reply("unsubscribe_success", message=TEXT, symbol=TEXT),
        {"type": "unsubscribe_success", "message": "Unsubscribed from BTCUSDT", "symbol": "BTCUSDT"},
    ),
    "unsubscribe_failure": (
        "There was no such subscription",
        _reply("unsubscribe_failure", error=TEXT, symbol=TEXT),
        {"type": "unsubscribe_failure", "error": "Not subscribed to BTCUSDT", "symbol": "BTCUSDT"},
    ),
    "order_book_update": (
        "The consolidated book: bids descend, asks ascend; only live books are in it",
        _reply(
            "order_book_update",
            symbol=TEXT,
            exchanges=_EXCHANGES,
            order_book=answer(bids=_SIDE, asks=_SIDE),
            sources={"type": "object", "additionalProperties": _SOURCE},
            sequence=COUNT,
            timestamp=TIME,
        ),
        {
            "type": "order_book_update",
            **_ASKED,
            "order_book": {
                "bids": {"100635.65": [0.7, "Binance, Bybit"]},
                "asks": {"100635.66": [1.2, "Binance"]},
            },
            "sources": {
                "Binance": {"state": "live", "age_ms": 41, "sequence": 62185319441},
                "Bybit": {"state": "live", "age_ms": 12, "sequence": 19020841},
            },
            "sequence": 17,
            "timestamp": examples.NOW,
        },
    ),
    "subscribe_orders_success": (
        "Changes of the caller's orders follow",
        _reply("subscribe_orders_success", message=TEXT),
        {"type": "subscribe_orders_success", "message": "Subscribed to the orders of alice"},
    ),
    "order_update": (
        "An order changed: the order object, and the executions that are new",
        _reply(
            "order_update",
            order_id=TEXT,
            status=one_of(*OrderStatus),
            order=ref("Order"),
            executions=listed(ref("Execution")),
        ),
        {
            "type": "order_update",
            "order_id": examples.ORDER["order_id"],
            "status": examples.ORDER["status"],
            "order": examples.ORDER,
            "executions": [examples.EXECUTION],
        },
    ),
    "subscribe_orders_failure": (
        "The token is wrong, expired or revoked",
        _reply("subscribe_orders_failure", message=TEXT),
        {"type": "subscribe_orders_failure", "message": "token has expired"},
    ),
    "subscribe_orders_expired": (
        "The token ended: no order update follows until subscribe_orders comes with a new one",
        _reply("subscribe_orders_expired", message=TEXT),
        {"type": "subscribe_orders_expired", "message": "token has expired"},
    ),
    "resync": (
        "Order updates were lost, as the client read too slowly: the state of the orders instead",
        _reply("resync", orders=listed(ref("Order"))),
        {"type": "resync", "orders": [examples.ORDER]},
    ),
    "pong": ("The answer to a ping", _reply("pong"), {"type": "pong"}),
    "error": (
        "What was wrong with a frame; the connection stays",
        # An unsubscribe_failure has an `error`, too: only its type tells it from this.
        {**answer(error=TEXT), "not": {"required": ["type"]}},
        {"error": "Missing symbol or exchanges"},
    ),
}


def document() -> dict[str, Any]:
    """The whole document, as plain structures."""
    messages = {
        name: {"summary": summary, "payload": payload, "examples": [{"payload": example}]}
        for name, (summary, payload, example) in {**_FROM_CLIENT, **_FROM_SERVER}.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Twap-Trading-API WebSocket",
            "version": metadata.version("twap-trading-api"),
            "description": "Consolidated order books once a second, and the progress of one's own orders.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": {
            "ws": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "fromClient": _operation("receive", "What the server takes", _FROM_CLIENT),
            "fromServer": _operation("send", "What the server sends", _FROM_SERVER),
        },
        "components": {
            "messages": messages,
            "schemas": {name: SCHEMAS[name] for name in ("Order", "Execution")},
        },
    }


def _operation(action: str, summary: str, messages: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/ws"},
        "messages": [{"$ref": f"#/channels/ws/messages/{name}"} for name in messages],
    }
