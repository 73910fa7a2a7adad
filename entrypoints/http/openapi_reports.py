"""Schemas and examples of an order's report and of a slice's explanation."""

from collections.abc import Mapping
from typing import Any

from twap.entrypoints.http.openapi_examples import ID
from twap.entrypoints.http.openapi_schemas import (
    COUNT,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    answer,
    listed,
    one_of,
    optional,
)
from twap.ports.market import BookState
from twap.ports.order import MissReason, OrderStatus, Outcome, Side

_SOME = optional(NUMBER)
_SLIPPAGE = answer(bps=NUMBER, quote=NUMBER)
_BAND = answer(average_price=_SOME, fill_rate=NUMBER, limited_slices=COUNT)

REPORT_SCHEMAS: Mapping[str, Schema] = {
    "Report": answer(
        order_id=TEXT,
        symbol=TEXT,
        side=one_of(*Side),
        status=one_of(*OrderStatus),
        outcome={"enum": [*Outcome, None]},
        quantity=NUMBER,
        executed=NUMBER,
        fill_rate=NUMBER,
        notional=NUMBER,
        average_price=_SOME,
        fees=NUMBER,
        executions=COUNT,
        slices_done=COUNT,
        slices_total=COUNT,
        arrival_mid=_SOME,
        twap_benchmark=_SOME,
        final_mid=_SOME,
        slippage_arrival=optional(_SLIPPAGE),
        slippage_benchmark=optional(_SLIPPAGE),
        shortfall=optional(
            answer(
                quote=NUMBER,
                bps=NUMBER,
                split=answer(spread=NUMBER, depth=NUMBER, timing=NUMBER, fees=NUMBER, opportunity=NUMBER),
            )
        ),
        participation=_SOME,
        venues=listed(
            answer(
                exchange=TEXT,
                executions=COUNT,
                quantity=NUMBER,
                notional=NUMBER,
                fees=NUMBER,
                average_price=_SOME,
                ratio=_SOME,
                live_ratio=_SOME,
            )
        ),
        missed=answer(
            slices=COUNT,
            by_reason=listed(answer(reason=one_of(*MissReason), slices=COUNT, missing=NUMBER)),
            listed=listed(
                answer(
                    number=COUNT,
                    due_at=TIME,
                    reason=one_of(*MissReason),
                    target=NUMBER,
                    filled=NUMBER,
                    missing=NUMBER,
                )
            ),
            more=COUNT,
        ),
        market_order=optional(
            answer(
                filled=NUMBER,
                average_price=_SOME,
                worst_price=_SOME,
                slippage=optional(_SLIPPAGE),
                fees=NUMBER,
                complete={"type": "boolean"},
                deep_enough={"type": "boolean"},
            ),
            "The same order at once, at arrival",
        ),
        fill_band=answer(optimistic=_BAND, pessimistic=_BAND),
    ),
    "Explanation": answer(
        order_id=TEXT,
        slice=COUNT,
        symbol=TEXT,
        side=one_of(*Side),
        limit_price=NUMBER,
        lot_size=NUMBER,
        due_at=TIME,
        looked_at=TIME,
        mid=_SOME,
        target=optional(
            answer(
                planned=NUMBER,
                planned_before=NUMBER,
                behind=_SOME,
                slices_left=COUNT,
                carried=NUMBER,
                catch_up=NUMBER,
                most=NUMBER,
                bounded_by_catch_up={"type": "boolean"},
                target=NUMBER,
            ),
            "How the target came about",
        ),
        participation=optional(
            answer(max_participation=NUMBER, visible=NUMBER, allowed=NUMBER),
            "What `max_participation` allowed",
        ),
        filled=NUMBER,
        reason={"enum": [*MissReason, None]},
        reason_text=optional(TEXT),
        ranking=TEXT,
        venues=listed(
            answer(
                exchange=TEXT,
                state=one_of(*BookState),
                sequence=optional({"type": "integer"}),
                exchange_time=optional(TIME),
                age_ms=optional({"type": "integer"}),
                near_best=_SOME,
                levels=COUNT,
                more={"type": "boolean", "description": "Whether there are levels behind these"},
                taker_fee=NUMBER,
                min_quantity=NUMBER,
                min_notional=NUMBER,
            )
        ),
        levels=listed(
            answer(
                rank=COUNT,
                exchange=TEXT,
                price=NUMBER,
                rank_price={**NUMBER, "description": "The price that levels are ranked by"},
                displayed=NUMBER,
                taken=NUMBER,
                available=NUMBER,
                filled=NUMBER,
                left_to_fill=NUMBER,
                outcome=TEXT,
            )
        ),
    ),
}

REPORT: dict[str, Any] = {
    "order_id": ID,
    "symbol": "BTCUSDT",
    "side": "buy",
    "status": "executing",
    "outcome": None,
    "quantity": 0.5,
    "executed": 0.025,
    "fill_rate": 0.05,
    "notional": 2515.89125,
    "average_price": 100635.65,
    "fees": 2.51589125,
    "executions": 1,
    "slices_done": 1,
    "slices_total": 10,
    "arrival_mid": 100635.645,
    "twap_benchmark": 100635.645,
    "final_mid": 100635.645,
    "slippage_arrival": {"bps": 0.0005, "quote": 0.000125},
    "slippage_benchmark": {"bps": 0.0005, "quote": 0.000125},
    "shortfall": {
        "quote": 2.51601625,
        "bps": 0.5,
        "split": {"spread": 0.000125, "depth": 0, "timing": 0, "fees": 2.51589125, "opportunity": 0},
    },
    "participation": 0.033333,
    "venues": [
        {
            "exchange": "Binance",
            "executions": 1,
            "quantity": 0.025,
            "notional": 2515.89125,
            "fees": 2.51589125,
            "average_price": 100635.65,
            "ratio": 1,
            "live_ratio": 1,
        }
    ],
    "missed": {"slices": 0, "by_reason": [], "listed": [], "more": 0},
    "market_order": {
        "filled": 0.5,
        "average_price": 100635.65,
        "worst_price": 100635.65,
        "slippage": {"bps": 0.0005, "quote": 0.0025},
        "fees": 50.317825,
        "complete": True,
        "deep_enough": True,
    },
    "fill_band": {
        "optimistic": {"average_price": 100635.65, "fill_rate": 0.1, "limited_slices": 0},
        "pessimistic": {"average_price": 100635.65, "fill_rate": 0.1, "limited_slices": 0},
    },
}

EXPLANATION: dict[str, Any] = {
    "order_id": ID,
    "slice": 1,
    "symbol": "BTCUSDT",
    "side": "buy",
    "limit_price": 101000.5,
    "lot_size": 0.001,
    "due_at": "2025-02-01T12:00:01Z",
    "looked_at": "2025-02-01T12:00:01.001234Z",
    "mid": 100635.645,
    "target": {
        "planned": 0.025,
        "planned_before": 0,
        "behind": 0,
        "slices_left": 10,
        "carried": 0,
        "catch_up": 3,
        "most": 0.075,
        "bounded_by_catch_up": False,
        "target": 0.025,
    },
    "participation": None,
    "filled": 0.025,
    "reason": None,
    "reason_text": None,
    "ranking": "price",
    "venues": [
        {
            "exchange": "Binance",
            "state": "live",
            "sequence": 4711,
            "exchange_time": "2025-02-01T12:00:00Z",
            "age_ms": 120,
            "near_best": 100635.64,
            "levels": 1,
            "more": False,
            "taker_fee": 0.001,
            "min_quantity": 0,
            "min_notional": 0,
        }
    ],
    "levels": [
        {
            "rank": 1,
            "exchange": "Binance",
            "price": 100635.65,
            "rank_price": 100635.65,
            "displayed": 0.75,
            "taken": 0,
            "available": 0.75,
            "filled": 0.025,
            "left_to_fill": 0,
            "outcome": "filled in part: the target is reached",
        }
    ],
}
