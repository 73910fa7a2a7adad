"""The rows of the table of routes that are about orders."""

from twap.entrypoints.http import openapi_examples as examples
from twap.entrypoints.http import openapi_reports
from twap.entrypoints.http.openapi_parts import (
    ETAG,
    LINK,
    PARAMETER,
    UNCHANGED,
    Answer,
    Route,
    json_answer,
    path_parameter,
    query_parameter,
)
from twap.entrypoints.http.openapi_schemas import ORDER_ID, TEXT, one_of, ref
from twap.ports.order import OrderStatus

_ORDER = path_parameter("order_id", {**ORDER_ID, "pattern": "^[0-9a-f]{32}$"}, examples.ID)

ORDER_ROUTES = (
    Route(
        "POST",
        "/orders/twap",
        "submit_order",
        "orders",
        "Submit a TWAP order",
        {200: json_answer("Accepted", examples.ACCEPTED, "Accepted; `warnings` where there are some")},
        errors=(404, 409, 429, 502),
        token=True,
        body=("OrderRequest", examples.ORDER_REQUEST),
    ),
    Route(
        "GET",
        "/orders",
        "orders",
        "orders",
        "The caller's orders, newest first",
        {200: json_answer("Orders", [examples.ORDER], headers=LINK)},
        errors=(422,),
        token=True,
        parameters=(
            query_parameter("order_id", PARAMETER, "This one alone"),
            query_parameter("status", one_of(*OrderStatus), "Those in this state"),
            query_parameter("symbol", PARAMETER, "Those of this symbol"),
            query_parameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "Of a page"
            ),
            query_parameter("cursor", PARAMETER, "Of the `Link` to the next page"),
        ),
    ),
    Route(
        "GET",
        "/orders/{order_id}",
        "order",
        "orders",
        "An order with its executions",
        {
            200: json_answer(
                "OrderWithExecutions",
                {**examples.ORDER, "executions": [examples.EXECUTION]},
                headers=ETAG,
            ),
            304: UNCHANGED,
        },
        errors=(404,),
        token=True,
        parameters=(_ORDER,),
    ),
    Route(
        "DELETE",
        "/orders/{order_id}",
        "cancel_order",
        "orders",
        "Cancel what is left of an order",
        {200: json_answer("Order", examples.CANCELED)},
        errors=(404, 409),
        token=True,
        parameters=(_ORDER,),
    ),
    Route(
        "POST",
        "/orders/{order_id}/pause",
        "pause_order",
        "orders",
        "Pause an order",
        {200: json_answer("Order", examples.PAUSED)},
        errors=(404, 409),
        token=True,
        parameters=(_ORDER,),
    ),
    Route(
        "POST",
        "/orders/{order_id}/resume",
        "resume_order",
        "orders",
        "Let a paused order go on",
        {200: json_answer("Order", examples.ORDER)},
        errors=(404, 409),
        token=True,
        parameters=(_ORDER,),
    ),
    Route(
        "GET",
        "/orders/{order_id}/report",
        "report",
        "reports",
        "Execution quality, the executions as a table, or a page with pictures",
        {
            200: Answer(
                "The report",
                {
                    "application/json": {"schema": ref("Report"), "example": openapi_reports.REPORT},
                    "text/csv": {"schema": TEXT, "example": examples.CSV},
                    "text/html": {"schema": TEXT, "example": "<!doctype html>"},
                },
            )
        },
        errors=(404, 422),
        token=True,
        parameters=(
            _ORDER,
            query_parameter("format", {**one_of("json", "csv", "html"), "default": "json"}, "Form"),
        ),
    ),
    Route(
        "GET",
        "/orders/{order_id}/explain",
        "explain",
        "reports",
        "What a slice looked at, and how each fill follows from it",
        {200: json_answer("Explanation", openapi_reports.EXPLANATION)},
        errors=(404, 422),
        token=True,
        parameters=(
            _ORDER,
            query_parameter(
                "slice",
                {"type": "integer", "minimum": 0, "maximum": 999_999_999},
                "From 1; 0 is the look at arrival",
                True,
            ),
        ),
    ),
)
