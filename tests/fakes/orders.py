"""Builders of users, orders, slices and executions for tests. Each takes changes to its fields by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from twap.ports.account import Role, TokenFamily, User
from twap.ports.market import BookState, Level
from twap.ports.order import (
    BookStamp,
    Execution,
    Order,
    Progress,
    Side,
    Slice,
    Ticket,
    VenueLook,
    VenueTerms,
    execution_id,
)

NOON = datetime(2025, 2, 1, 12, tzinfo=UTC)

_numbers = count(1)


def new_id():
    """32 hexadecimal digits; later ones sort higher."""
    return f"{next(_numbers):032x}"


def make_user(**changes):
    user = User(new_id(), "Ada", "ada", "hash", Role.USER, NOON)
    return replace(user, **changes)


def make_family(**changes):
    family = TokenFamily(new_id(), "user-1", "refresh-1", NOON + timedelta(days=30))
    return replace(family, **changes)


def make_ticket(**changes):
    ticket = Ticket(
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal("1.5"),
        limit_price=Decimal("101000"),
        duration=timedelta(seconds=60),
        exchanges=("Binance", "Kraken"),
    )
    return replace(ticket, **changes)


def make_terms(exchange="Binance", **changes):
    terms = VenueTerms(
        exchange, Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001"), Decimal(5), Decimal("0.001")
    )
    return replace(terms, **changes)


def make_order(**changes):
    """Fields of the order, of its `ticket` and of its `progress` may be given side by side."""
    ticket = changes.pop("ticket", make_ticket())
    ticket = replace(ticket, **_pick(changes, Ticket))
    progress = replace(changes.pop("progress", Progress()), **_pick(changes, Progress))
    order = Order(
        id=new_id(),
        user_id="user-1",
        ticket=ticket,
        terms=tuple(make_terms(exchange) for exchange in ticket.exchanges),
        lot_size=Decimal("0.00001"),
        created_at=NOON,
        starts_at=NOON,
        slices_total=60,
        progress=progress,
    )
    return replace(order, **changes)


def make_look(exchange="Binance", **changes):
    look = VenueLook(
        exchange=exchange,
        state=BookState.LIVE,
        sequence=4711,
        exchange_time=NOON,
        age_ms=120,
        near_best=Decimal("100635.64"),
        levels=(Level(Decimal("100635.65"), Decimal("0.75")),),
        visible=Decimal("0.75"),
        horizon=Decimal("100700"),
    )
    return replace(look, **changes)


def make_execution(order, number=1, place=1, **changes):
    execution = Execution(
        id=execution_id(order.id, number, place),
        order_id=order.id,
        slice=number,
        symbol=order.ticket.symbol,
        side=order.ticket.side,
        quantity=Decimal("0.025"),
        price=Decimal("100635.65"),
        fee=Decimal("2.51589125"),
        exchange="Binance",
        timestamp=_looked_at(order, number),
        book=BookStamp(4711, NOON, 120),
    )
    return replace(execution, **changes)


def _looked_at(order, number):
    return order.starts_at + number * order.ticket.interval + timedelta(microseconds=1234)


def make_slice(order, number=1, **changes):
    """With one execution, unless `executions` are given."""
    piece = Slice(
        order_id=order.id,
        number=number,
        due_at=order.starts_at + number * order.ticket.interval,
        looked_at=_looked_at(order, number),
        planned=Decimal("0.025"),
        target=Decimal("0.025"),
        filled=Decimal("0.025"),
        reason=None,
        mid=Decimal("100635.645"),
        venues=(make_look(),),
    )
    changes.setdefault("executions", (make_execution(order, number),) if number else ())
    return replace(piece, **changes)


async def record(orders, steps):
    """Store the steps in one batch."""
    batch = orders.batch()
    for step in steps:
        batch.add(step)
    return await batch.store()


def advanced(order, **changes):
    """The order with its next revision and the changes to its progress."""
    return order.advanced(replace(order.progress, revision=order.progress.revision + 1, **changes))


def _pick(changes, kind):
    names = [name for name in changes if name in kind.__dataclass_fields__]
    return {name: changes.pop(name) for name in names}
