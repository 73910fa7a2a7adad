import asyncio
import gc
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.clock import NOON, settle
from twap.plugins.bus.in_process import InProcessBus
from twap.ports.bus import LoginsEnded, Lost, OrderChanged
from twap.ports.order import Order, Side, Ticket

TICKET = Ticket("BTCUSDT", Side.BUY, Decimal(1), Decimal(100), timedelta(seconds=10), ("Acme",))


def event(number, user_id="ann"):
    return OrderChanged(Order(str(number), user_id, TICKET, (), Decimal(1), NOON, NOON, 10))


async def read(subscription, count):
    return [await anext(subscription) for _ in range(count)]


async def test_subscribe_when_events_follow_then_each_subscriber_gets_all_in_order():
    bus = InProcessBus()
    bus.publish(event(0))
    first, second = bus.subscribe("ann"), bus.subscribe("ann")
    bus.publish(event(1))
    bus.publish(event(2))
    assert await read(first, 2) == await read(second, 2) == [event(1), event(2)]


async def test_subscribe_when_to_one_user_then_others_are_not_heard_and_none_hears_all():
    bus = InProcessBus()
    ann, everyone = bus.subscribe("ann"), bus.subscribe()
    bus.publish(event(1, "bob"))
    bus.publish(event(2, "ann"))
    assert await read(ann, 1) == [event(2, "ann")]
    assert await read(everyone, 2) == [event(1, "bob"), event(2, "ann")]
    bus.publish(LoginsEnded("bob"))
    bus.publish(LoginsEnded("ann"))
    assert await read(ann, 1) == [LoginsEnded("ann")]


async def test_read_when_nothing_is_there_then_it_waits_for_the_next():
    bus = InProcessBus()
    subscription = bus.subscribe("ann")
    waiting = asyncio.create_task(anext(subscription))
    await settle(3)
    assert not waiting.done()
    bus.publish(event(1))
    assert await waiting == event(1)


async def test_publish_when_a_subscriber_is_slow_then_it_loses_the_oldest_and_is_told_once():
    bus = InProcessBus(capacity=3)
    slow, fast = bus.subscribe("ann"), bus.subscribe("ann")
    seen = []
    for number in range(6):
        bus.publish(event(number))
        seen += await read(fast, 1)
    assert seen == [event(number) for number in range(6)]
    assert await read(slow, 4) == [Lost(), event(3), event(4), event(5)]
    bus.publish(event(6))
    assert await read(slow, 1) == [event(6)]


async def test_read_when_the_subscription_is_closed_then_it_ends_also_for_who_waits():
    bus = InProcessBus()
    subscription = bus.subscribe("ann")
    waiting = asyncio.create_task(anext(subscription, "end"))
    await settle(3)
    await subscription.aclose()
    await subscription.aclose()
    assert await waiting == "end"
    bus.publish(event(1))
    with pytest.raises(StopAsyncIteration):
        await anext(subscription)
    assert bus.subscribers == 0


async def test_subscription_when_nobody_holds_it_then_it_leaves_the_bus():
    bus = InProcessBus()
    bus.publish(event(0))

    async def read_one():
        subscription = bus.subscribe("ann")
        bus.publish(event(1))
        async for found in subscription:
            assert found == event(1)
            break

    await read_one()
    gc.collect()
    assert bus.subscribers == 0


async def test_subscription_when_its_reader_is_cancelled_then_no_event_is_lost():
    bus = InProcessBus()
    subscription = bus.subscribe("ann")
    waiting = asyncio.create_task(anext(subscription))
    await settle(3)
    bus.publish(event(1))
    waiting.cancel()
    await settle(3)
    assert await read(subscription, 1) == [event(1)]
