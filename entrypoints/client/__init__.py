"""A client of the server, for Python.

    async with TwapClient() as twap:
        await twap.register("alice", "correct horse")
        await twap.log_in("alice", "correct horse")
        order = await twap.submit(symbol="BTCUSDT", side="buy", total_quantity="0.5", limit_price="101000",
                                  duration_seconds=60, exchanges=["Binance", "Bybit"])
        async for state in twap.watch(order["order_id"]):
            print(state["percent_exec"], state["avg_exec_price"])

Every number of an answer is a `Decimal` with the exact digits; what is sent keeps its digits too.
"""

from twap.entrypoints.client.client import DEFAULT_URL, TwapClient, connect
from twap.entrypoints.client.errors import ApiError, ServerUnreachable, StreamRefused
from twap.entrypoints.client.tokens import TokenKeeper, Tokens

__all__ = [
    "DEFAULT_URL",
    "ApiError",
    "ServerUnreachable",
    "StreamRefused",
    "TokenKeeper",
    "Tokens",
    "TwapClient",
    "connect",
]
