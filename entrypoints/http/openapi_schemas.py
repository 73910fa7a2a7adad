"""The schemas of the OpenAPI document: what is sent and what is answered."""

from collections.abc import Mapping
from typing import Any

from twap.ports.market import BookState
from twap.ports.order import FeeRanking, OrderStatus, Outcome, Side

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ORDER_ID: Schema = {"type": "string", "examples": ["0190f5fe7c3e7d0f8a4b5c6d7e8f9a0b"]}


def exact(least: float, most: float, above: bool = False) -> Schema:
    """An exact number: a JSON number, or the same digits as a string."""
    bound = "exclusiveMinimum" if above else "minimum"
    number: Schema = {"type": "number", bound: least, "maximum": most}
    some = "(?=.*[1-9])" if above else ""
    digits: Schema = {"type": "string", "pattern": rf"^{some}[0-9]{{1,18}}(\.[0-9]{{1,18}})?$"}
    return {"anyOf": [number, digits]}


def optional(schema: Schema, description: str | None = None) -> Schema:
    choices: Schema = {"anyOf": [schema, {"type": "null"}]}
    return choices if description is None else {**choices, "description": description}


def listed(schema: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": schema, **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def answer(**fields: Schema) -> Schema:
    """An object of an answer: all fields are always there."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def body(required: Mapping[str, Schema], **others: Schema) -> Schema:
    """An object of a request: unknown fields are refused."""
    return {
        "type": "object",
        "properties": {**required, **others},
        "required": list(required),
        "additionalProperties": False,
    }


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


_EXCHANGE_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 40, "examples": ["Binance"]}
_SYMBOL: Schema = {"type": "string", "minLength": 1, "maxLength": 40, "examples": ["BTCUSDT"]}
_SHARE = exact(0, 0.5)

_ORDER_FIELDS: Schema = {
    "order_id": ORDER_ID,
    "client_order_id": optional(TEXT),
    "user_id": TEXT,
    "symbol": TEXT,
    "exchange": {"type": "string", "description": 'The names joined by ", "'},
    "exchanges": listed(TEXT),
    "side": one_of(*Side),
    "limit_price": NUMBER,
    "quantity": {"type": "number", "description": "Base, in total"},
    "duration": {"type": "number", "description": "Seconds"},
    "slice_interval": {"type": "number", "description": "Seconds"},
    "status": one_of(*OrderStatus),
    "outcome": {"enum": [*Outcome, None], "description": "null while the order runs"},
    "created_at": TIME,
    "starts_at": TIME,
    "started_at": optional(TIME),
    "ended_at": optional(TIME),
    "percent_exec": {"type": "number", "minimum": 0, "maximum": 100, "description": "4 decimals"},
    "avg_exec_price": {"type": "number", "description": "8 decimals; 0 while nothing is filled"},
    "lots_count": {"type": "integer", "description": "Executions so far"},
    "total_exec": {"type": "number", "description": "Base executed, exact"},
    "fees": {"type": "number", "description": "Quote"},
    "slices_done": COUNT,
    "slices_total": COUNT,
    "warnings": listed(TEXT),
    "note": optional(TEXT),
}

SCHEMAS: Mapping[str, Schema] = {
    "Problem": {
        **answer(
            type=TEXT,
            title=TEXT,
            status={"type": "integer"},
            detail=TEXT,
            instance=TEXT,
            request_id=TEXT,
        ),
        "description": "RFC 9457; `errors` names the fields of a 422",
    },
    "Message": answer(message=TEXT),
    "MessageAt": answer(message=TEXT, timestamp=TIME),
    "Ping": answer(status={"const": "ok"}, message=TEXT, timestamp=TIME),
    "Alive": answer(status={"const": "alive"}),
    "Ready": answer(
        status={"const": "ready"},
        storage={"const": "ready"},
        feeds={"type": "object", "additionalProperties": one_of(*BookState)},
        executor={"type": "object"},
    ),
    "Exchanges": answer(exchanges=listed(TEXT)),
    "FeedStatus": answer(
        connected={"type": "boolean"},
        state=one_of(*BookState),
        reason=optional(TEXT),
        connections=COUNT,
        feeds=COUNT,
        last_message_age_ms=optional(COUNT),
        messages=COUNT,
        messages_per_second={"type": "number", "minimum": 0},
        reconnects=COUNT,
        gaps=COUNT,
        resyncs=COUNT,
        checksum_failures=COUNT,
        malformed=COUNT,
        ignored=COUNT,
    ),
    "ExchangesStatus": answer(exchanges={"type": "object", "additionalProperties": ref("FeedStatus")}),
    "Symbols": answer(symbols=listed(TEXT)),
    "Candle": answer(Open=NUMBER, High=NUMBER, Low=NUMBER, Close=NUMBER, Volume=NUMBER),
    "Klines": answer(
        klines={
            "type": "object",
            "description": "By the time at which the candle opens, ascending; closed candles only",
            "additionalProperties": ref("Candle"),
        }
    ),
    "Credentials": body(
        {
            "username": {
                "type": "string",
                "minLength": 3,
                "maxLength": 64,
                "pattern": "^[A-Za-z0-9._-]{3,64}$",
                "description": "Letters and digits of any script, `.`, `_` and `-`",
            },
            "password": {
                "type": "string",
                "minLength": 8,
                "maxLength": 128,
                "pattern": "^[ -~]{8,128}$",
                "description": "Any characters but control characters",
            },
        }
    ),
    "TokenPair": answer(
        access_token=TEXT,
        token_type={"const": "bearer"},
        expires_in={"type": "integer", "description": "Seconds"},
        refresh_token=TEXT,
    ),
    "RefreshRequest": body({"refresh_token": {"type": "string", "minLength": 1, "maxLength": 4096}}),
    "Users": answer(users=listed(answer(username=TEXT, role=one_of("user", "admin")))),
    "OrderRequest": body(
        {
            "symbol": _SYMBOL,
            "side": one_of(*Side),
            "total_quantity": exact(0, 10**18 - 1, above=True),
            "limit_price": exact(0, 10**18 - 1, above=True),
            "duration_seconds": exact(1, 86_400),
            "exchanges": listed(_EXCHANGE_NAME, minItems=1, maxItems=32, uniqueItems=True),
        },
        slice_interval_seconds={**exact(0.1, 86_400), "default": 1},
        client_order_id=optional({"type": "string", "pattern": "^[ -~]{1,64}$"}),
        start_at=optional(TIME),
        randomize=optional(
            body({}, size=_SHARE, time=_SHARE, seed=optional({**COUNT, "maximum": 2**53 - 1}))
        ),
        max_participation=optional(exact(0, 1, above=True)),
        catch_up={**exact(1, 100), "default": 3},
        latency_ms={**COUNT, "maximum": 5000, "default": 0},
        fees={**one_of(*FeeRanking), "default": FeeRanking.IGNORE},
    ),
    "Accepted": {
        "type": "object",
        "properties": {
            "message": {"const": "TWAP order accepted"},
            "token_id": ORDER_ID,
            "order_id": ORDER_ID,
            "warnings": listed(TEXT),
        },
        "required": ["message", "token_id", "order_id"],
    },
    "Order": answer(**_ORDER_FIELDS),
    "Orders": listed(ref("Order")),
    "Execution": answer(
        id=TEXT,
        order_id=ORDER_ID,
        slice={"type": "integer", "minimum": 1},
        symbol=TEXT,
        side=one_of(*Side),
        quantity=NUMBER,
        price=NUMBER,
        fee={"type": "number", "description": "Quote"},
        exchange=TEXT,
        timestamp=TIME,
        book=answer(
            sequence=optional({"type": "integer"}),
            exchange_time=optional(TIME),
            age_ms={"type": "integer"},
        ),
    ),
    "OrderWithExecutions": answer(**_ORDER_FIELDS, executions=listed(ref("Execution"))),
}
