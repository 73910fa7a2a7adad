"""The server is killed in mid-order, again and again: no fill is lost, none is doubled, every order ends."""

import asyncio
import contextlib
import random
import time

import aiohttp

from tests.e2e.audit import audited
from tests.e2e.invariants import check_database, discrepancies, stored_fills
from tests.e2e.processes import START_SECONDS, until

SYMBOL = "BTCUSDT"
MARKET = ("--synthetic", SYMBOL, "--rate", "25")
LOT = "0.00001"
KILLS = 8
LEAST_KILLS = 4
KILLING_SECONDS = 20
"""A busy machine starts servers slowly: after so long the least number of kills is enough."""

SEED = 20_250_201


def ticket(seconds, interval, **more):
    return {
        "symbol": SYMBOL,
        "side": "buy",
        "total_quantity": "9.00011",
        "limit_price": 70_000,
        "duration_seconds": seconds,
        "slice_interval_seconds": interval,
        "exchanges": ["Binance"],
        **more,
    }


async def over(api, order_id, seconds=15):
    async def completed():
        return (await api.order(order_id))["status"] == "completed"

    await until(completed, f"order {order_id} is completed", seconds, every=0.1)


async def test_order_when_server_is_killed_in_mid_order_then_goes_on_with_every_fill(stand_in, serve):
    binance = await stand_in("Binance", *MARKET)
    server, api = await serve(binance)
    async with api.live() as live:
        await live.follow_orders(api.token)
        order_id = await api.submit(**ticket(10, 0.2))
        await live.first("order_update", lambda update: update["order"]["slices_done"] >= 6)
        await server.kill()
        await live.closed()
        before = live.executions()
    assert before
    check_database(server.database)
    await server.start()
    await over(api, order_id)
    found = await audited(api, order_id, [binance], lot=LOT)
    after = {each["id"]: each for each in found.executions}
    assert {name: after.get(name) for name in before} == before, "a fill that a client had seen is gone"
    late = [each["slice"] for each in found.slices if each["reason"] == "late"]
    assert late, "nothing was missed while the server was away"
    resumed = [each["slice"] for each in found.slices if each["slice"] > late[-1] and each["filled"]]
    assert resumed, "nothing was filled after the new start"
    check_database(server.database)
    assert await discrepancies(server.database) == []


class Witness:
    """Submits orders and sees their fills, for as long as the server lives, and remembers what it was told.

    fills  by execution id; accepted  order ids by `client_order_id`
    """

    def __init__(self, api):
        self.api = api
        self.fills, self.accepted = {}, {}

    async def watch(self, tickets):
        """Repeats what was not answered: the same `client_order_id` must never make a second order."""
        with contextlib.suppress(aiohttp.ClientError, AssertionError, OSError):
            async with self.api.live() as live:
                try:
                    await live.follow_orders(self.api.token)
                    for each in tickets:
                        order_id = await self.api.submit(**each)
                        assert self.accepted.setdefault(each["client_order_id"], order_id) == order_id
                    await live.closed(60)
                finally:
                    self.fills.update(live.executions())


async def test_orders_when_server_is_killed_at_many_random_moments_then_no_fill_lost_or_doubled(
    stand_in, serve
):
    chance = random.Random(SEED)  # noqa: S311
    binance = await stand_in("Binance", *MARKET)
    server, api = await serve(binance)
    witness = Witness(api)
    tickets = [
        ticket(seconds, interval, client_order_id=f"order-{interval}")
        for seconds, interval in ((10, 0.1), (12, 0.2), (14, 0.25), (17, 0.5))
    ]
    enough_at = time.monotonic() + KILLING_SECONDS
    for kill in range(KILLS):
        if kill >= LEAST_KILLS and time.monotonic() > enough_at:
            break
        tickets.append(ticket(3, 0.1, client_order_id=f"late-{kill}"))
        await run_until_killed(server, witness, tickets, chance)
        seen = dict(witness.fills)
        check_database(server.database)
        stored = stored_fills(server.database)
        assert seen.keys() <= stored, f"fills were lost by kill {kill + 1}"
    await server.start()
    last = asyncio.create_task(witness.watch(tickets))
    await until(lambda: all_accepted(witness, tickets), "every order is accepted")
    for order_id in witness.accepted.values():
        await over(api, order_id, 25)
    last.cancel()
    orders = check_database(server.database)
    assert {order["id"]: order["client_order_id"] for order in orders.values()} == {
        order_id: name for name, order_id in witness.accepted.items()
    }
    assert await discrepancies(server.database) == []
    told = {}
    for order_id in orders:
        told.update({each["id"]: each for each in (await api.order(order_id))["executions"]})
    assert {name: told.get(name) for name in witness.fills} == witness.fills
    assert len(told) > 2 * len(orders), "hardly anything happened"
    for name in ("order-0.25", "order-0.5", "late-0"):
        await audited(api, witness.accepted[name], [binance], lot=LOT)


async def all_accepted(witness, tickets):
    return len(witness.accepted) == len(tickets)


async def run_until_killed(server, witness, tickets, chance):
    """Start, let clients work, and kill: one time in four within the start, else in the midst of work."""
    if not server.running:
        await server.spawn()
    watching = asyncio.create_task(watch_when_ready(server, witness, tickets))
    if chance.random() >= 1 / 4:
        await until(server.is_ready, "the server is ready", START_SECONDS)
    await asyncio.sleep(chance.uniform(0.05, 1.3))
    await server.kill()
    await watching


async def watch_when_ready(server, witness, tickets):
    with contextlib.suppress(AssertionError):
        await until(server.is_ready, "the server is ready")
        await witness.watch(tickets)
