"""Examples of the OpenAPI document: one order, from its request to its report."""

from typing import Any

ID = "0190f5fe7c3e7d0f8a4b5c6d7e8f9a0b"
NOW = "2025-02-01T12:00:00Z"

CREDENTIALS = {"username": "alice", "password": "correct horse battery"}
TOKENS = {
    "access_token": "eyJhbGciOi…",
    "token_type": "bearer",
    "expires_in": 900,
    "refresh_token": "eyJ0eXAiOi…",
}

ORDER_REQUEST: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "buy",
    "total_quantity": 0.5,
    "limit_price": 101000.5,
    "duration_seconds": 60,
    "exchanges": ["Binance", "Kucoin"],
    "slice_interval_seconds": 2,
    "client_order_id": "morning-1",
    "catch_up": 3,
    "fees": "include",
}
ACCEPTED = {"message": "TWAP order accepted", "token_id": ID, "order_id": ID}

ORDER: dict[str, Any] = {
    "order_id": ID,
    "client_order_id": "morning-1",
    "user_id": "0190f5fe00000000000000000000000a",
    "symbol": "BTCUSDT",
    "exchange": "Binance, Kucoin",
    "exchanges": ["Binance", "Kucoin"],
    "side": "buy",
    "limit_price": 101000.5,
    "quantity": 0.5,
    "duration": 60,
    "slice_interval": 2,
    "status": "executing",
    "outcome": None,
    "created_at": NOW,
    "starts_at": NOW,
    "started_at": NOW,
    "ended_at": None,
    "percent_exec": 6.6667,
    "avg_exec_price": 100635.65,
    "lots_count": 2,
    "total_exec": 0.03333,
    "fees": 3.354186,
    "slices_done": 2,
    "slices_total": 30,
    "warnings": [],
    "note": None,
}
CANCELED = {**ORDER, "status": "canceled", "outcome": "partially_filled", "ended_at": "2025-02-01T12:00:05Z"}
PAUSED = {**ORDER, "status": "paused"}
EXECUTION: dict[str, Any] = {
    "id": "0190f5fe7c3e7d0f8a4b5c6d7e8f9a0c",
    "order_id": ID,
    "slice": 1,
    "symbol": "BTCUSDT",
    "side": "buy",
    "quantity": 0.01667,
    "price": 100635.65,
    "fee": 1.67759,
    "exchange": "Binance",
    "timestamp": "2025-02-01T12:00:02.004Z",
    "book": {"sequence": 62185319441, "exchange_time": "2025-02-01T12:00:01.953Z", "age_ms": 51},
}
FEED = {
    "connected": True,
    "state": "live",
    "reason": None,
    "connections": 1,
    "feeds": 2,
    "last_message_age_ms": 43,
    "messages": 18211,
    "messages_per_second": 19.8,
    "reconnects": 0,
    "gaps": 0,
    "resyncs": 1,
    "checksum_failures": 0,
    "malformed": 0,
    "ignored": 3,
}
CANDLE = {"Open": 100635.65, "High": 100801, "Low": 100420.1, "Close": 100777.2, "Volume": 12.48213}
CSV = (
    "id,order_id,slice,symbol,side,quantity,price,fee,exchange,timestamp,book_sequence,book_exchange_time,"
    "book_age_ms\r\n"
    f"{EXECUTION['id']},{ID},1,BTCUSDT,buy,0.01667,100635.65,1.67759,Binance,2025-02-01T12:00:02.004Z,"
    "62185319441,2025-02-01T12:00:01.953Z,51\r\n"
)
