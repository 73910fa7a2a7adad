"""Looks in the form they are stored in: MessagePack arrays, decimals as their digits.

A look, one row for all orders that saw the same: of each venue exchange, state, sequence, exchange
time, age, near best, more, visible, levels (price, displayed), horizon.

Memory, an order's own: exchange, price and quantity of what it had taken, and of what is displayed deeper.
None where there is neither.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from twap.plugins.storage import checksums
from twap.plugins.storage.fields import to_microseconds, to_moment
from twap.ports.market import ZERO, BookState, Level
from twap.ports.order import Quantities, VenueLook

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

Triples = list[tuple[str, Decimal, Decimal]]
_memory = msgspec.msgpack.Decoder(tuple[Triples, Triples])

_LEAST_LEVELS = 10
"""Of a look as older versions stored it: a later level with `taken` was remembered, not looked at."""

NO_LOOK = _encode([])


class Look(NamedTuple):
    """What all slices that looked at one moment saw alike, and the checksum of it and of that moment."""

    packed: bytes
    checksum: int


class Looks:
    """Looks packed once for all slices that share them."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, datetime], tuple[tuple[VenueLook, ...], Look]] = {}

    def pack(self, venues: tuple[VenueLook, ...], looked_at: datetime) -> Look | None:
        """None where nothing was looked at."""
        if not venues:
            return None
        known = self._known.get((id(venues), looked_at))
        if known is not None:
            return known[1]
        packed = pack(venues)
        look = Look(packed, checksums.of_look(packed, to_microseconds(looked_at)))
        self._known[id(venues), looked_at] = venues, look  # held, so that no other gets its id
        return look


def pack(venues: tuple[VenueLook, ...]) -> bytes:
    return _encode([_fields(venue) for venue in venues])


def pack_memory(taken: Quantities, deeper: Quantities) -> bytes | None:
    return _encode((triples(taken), triples(deeper))) if taken or deeper else None


def unpack(
    looks: bytes, memory: bytes | None
) -> tuple[tuple[VenueLook, ...], dict[tuple[str, Decimal], Decimal], dict[tuple[str, Decimal], Decimal]]:
    """The looks, what was taken and what is displayed deeper.

    Raises ValueError, TypeError or ArithmeticError where it can't be read.
    """
    taken: dict[tuple[str, Decimal], Decimal] = {}
    deeper: dict[tuple[str, Decimal], Decimal] = {}
    venues = tuple([_venue(fields, taken, deeper) for fields in _decode(looks)])
    if memory is not None:
        taken, deeper = map(quantities, _memory.decode(memory))
    return venues, taken, deeper


def triples(of: Quantities) -> Triples:
    return [(exchange, price, quantity) for (exchange, price), quantity in of.items()]


def quantities(of: Triples) -> dict[tuple[str, Decimal], Decimal]:
    return {(exchange, price): quantity for exchange, price, quantity in of}


def _fields(venue: VenueLook) -> Sequence[object]:
    exchange_time = venue.exchange_time
    return (
        venue.exchange,
        venue.state.value,
        venue.sequence,
        None if exchange_time is None else to_microseconds(exchange_time),
        venue.age_ms,
        venue.near_best,
        venue.more,
        venue.visible,
        [(level.price, level.quantity) for level in venue.levels],
        venue.horizon,
    )


def _venue(
    fields: Sequence[Any],
    taken: dict[tuple[str, Decimal], Decimal],
    deeper: dict[tuple[str, Decimal], Decimal],
) -> VenueLook:
    """taken, deeper: get what older versions stored with the levels."""
    exchange, state, sequence, exchange_time, age_ms, near_best, more, visible, listed, horizon = fields
    levels = []
    for number, (price, displayed, *before) in enumerate(listed):
        level = Level(Decimal(price), Decimal(displayed))
        gone = Decimal(before[0]) if before else ZERO
        if gone:
            taken[exchange, level.price] = gone
        if gone and number >= _LEAST_LEVELS:
            deeper[exchange, level.price] = level.quantity
        else:
            levels.append(level)
    return VenueLook(
        exchange=exchange,
        state=BookState(state),
        sequence=sequence,
        exchange_time=None if exchange_time is None else to_moment(exchange_time),
        age_ms=age_ms,
        near_best=None if near_best is None else Decimal(near_best),
        levels=tuple(levels),
        more=more,
        visible=Decimal(visible),
        horizon=None if horizon is None else Decimal(horizon),
    )
