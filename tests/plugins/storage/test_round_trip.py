"""Whatever was stored comes back equal, digit by digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.orders import NOON, advanced, make_execution, make_order, make_slice, new_id, record
from twap.plugins.storage import orders as orders_module
from twap.ports.market import BookState, Level
from twap.ports.order import (
    BookStamp,
    FeeRanking,
    MissReason,
    OrderStatus,
    Randomize,
    Side,
    Ticket,
    VenueLook,
    VenueTerms,
)
from twap.ports.store import Recorded, Step

decimals = st.one_of(
    st.decimals(min_value=0, max_value=10**18, places=18),
    st.decimals(min_value=0, max_value=10**6, places=2),
    st.sampled_from([Decimal(0), Decimal("0.00"), Decimal("1E-8"), Decimal("1E+3"), Decimal("1.10")]),
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))  # noqa: DTZ001
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
memories = st.dictionaries(st.tuples(texts, decimals), decimals, max_size=4)
spans = st.integers(0, 86_400_000).map(lambda ms: timedelta(milliseconds=ms))
big = st.integers(-(2**63), 2**63 - 1)


def perhaps(strategy):
    return st.none() | strategy


tickets = st.builds(
    Ticket,
    symbol=texts,
    side=st.sampled_from(Side),
    quantity=decimals,
    limit_price=decimals,
    duration=spans,
    exchanges=st.lists(texts, max_size=3).map(tuple),
    interval=spans,
    start_at=perhaps(moments),
    randomize=perhaps(st.builds(Randomize, decimals, decimals, st.integers(0, 2**63 - 1))),
    max_participation=perhaps(decimals),
    catch_up=decimals,
    latency=spans,
    fees=st.sampled_from(FeeRanking),
)
terms = st.builds(VenueTerms, texts, decimals, decimals, decimals, decimals, decimals)
progress = st.fixed_dictionaries(
    {
        "status": st.sampled_from(OrderStatus),
        "started_at": perhaps(moments),
        "ended_at": perhaps(moments),
        "slices_done": st.integers(0, 86_400),
        "executed": decimals,
        "notional": decimals,
        "fees": decimals,
        "lots_count": st.integers(0, 10**9),
        "arrival_mid": perhaps(decimals),
        "taken": memories,
        "note": perhaps(texts),
    }
)
looks = st.builds(
    VenueLook,
    exchange=texts,
    state=st.sampled_from(BookState),
    sequence=perhaps(big),
    exchange_time=perhaps(moments),
    age_ms=perhaps(st.integers(0, 10**9)),
    near_best=perhaps(decimals),
    levels=st.lists(st.builds(Level, decimals, decimals), max_size=4).map(tuple),
    more=st.booleans(),
    visible=decimals,
)
stamps = st.builds(BookStamp, perhaps(big), perhaps(moments), st.integers(0, 10**9))


def fills(order, place, looked_at):
    return st.builds(
        make_execution,
        st.just(order),
        st.just(1),
        st.just(place),
        quantity=decimals,
        price=decimals,
        fee=decimals,
        exchange=texts,
        timestamp=st.just(looked_at),
        book=stamps,
    )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
async def test_order_when_stored_and_advanced_then_equal(storage, data):
    order = make_order(
        ticket=data.draw(tickets),
        terms=tuple(data.draw(st.lists(terms, max_size=3))),
        lot_size=data.draw(decimals),
        created_at=data.draw(moments),
        starts_at=NOON,
        slices_total=data.draw(st.integers(1, 86_400)),
        warnings=tuple(data.draw(st.lists(texts, max_size=2))),
        user_id=new_id(),
    )
    await storage.orders.add(order)
    claimed = await storage.orders.claim("me", now=NOON, lease_seconds=30, limit=100)
    [mine] = [one for one in claimed if one.order.id == order.id]
    assert mine.order == order
    after = advanced(order, **data.draw(progress))
    looked_at = data.draw(moments)
    piece = make_slice(
        after,
        1,
        due_at=data.draw(moments),
        looked_at=looked_at,
        planned=data.draw(decimals),
        target=data.draw(decimals),
        filled=data.draw(decimals),
        reason=data.draw(perhaps(st.sampled_from(MissReason))),
        mid=data.draw(perhaps(decimals)),
        venues=tuple(data.draw(st.lists(looks, max_size=3))),
        taken=data.draw(memories),
        deeper=data.draw(memories),
        executions=tuple(
            data.draw(fills(after, place, looked_at)) for place in range(1, data.draw(st.integers(1, 4)))
        ),
    )
    assert await record(storage.orders, [Step(after, mine.fence, (piece,))]) == [Recorded.STORED]
    stored = await storage.orders.get(order.id)
    assert stored == after
    assert type(stored.ticket.exchanges) is type(stored.terms) is type(stored.warnings) is tuple
    assert await storage.orders.slices(order.id) == [piece]
    assert await storage.orders.executions(order.id) == list(piece.executions)
    await storage.orders.release("me")


async def test_slices_when_more_than_one_part_then_all_in_order(storage):
    order = make_order(slices_total=1000)
    await storage.orders.add(order)
    [claimed] = await storage.orders.claim("me", now=NOON, lease_seconds=30, limit=1)
    after = advanced(order)
    count = orders_module.ROWS_WITHOUT_PAUSE + 3
    pieces = tuple(
        make_slice(after, n, executions=tuple(make_execution(after, n, place) for place in (1, 2, 3)))
        for n in range(1, count + 1)
    )
    await record(storage.orders, [Step(after, claimed.fence, pieces)])
    assert await storage.orders.slices(order.id) == list(pieces)
    sizes = [len(part) async for part in storage.orders.slices_in_parts(order.id)]
    assert (sum(sizes), max(sizes) <= orders_module.SLICES_WITHOUT_PAUSE) == (count, True)
    fills = [fill for piece in pieces for fill in piece.executions]
    assert await storage.orders.executions(order.id) == fills
    assert await storage.orders.executions(order.id, after_slice=100) == fills[300:]
    parts = [part async for part in storage.orders.executions_in_parts(order.id, after_slice=100)]
    assert all(parts)
    assert [fill for part in parts for fill in part] == fills[300:]
    before = sum(piece.filled for piece in pieces[:-1])
    assert await storage.orders.slice(order.id, count) == (pieces[-1], before)
    assert await storage.orders.slice(order.id, 1) == (pieces[0], 0)
    assert await storage.orders.slice(order.id, count + 1) is None
