"""Looks in the form they are stored in: MessagePack arrays, decimals as their digits.

One venue: exchange, state, sequence, exchange time, age, near best, more, visible, levels, horizon; one
level: price, displayed, taken.
"""

from decimal import Decimal
from typing import Any

import msgspec

from twap.plugins.storage.fields import to_microseconds, to_moment
from twap.ports.market import BookState
from twap.ports.order import LookLevel, VenueLook

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

Packed = dict[int, msgspec.Raw]
"""Looks and levels by `id`: for as long as they live."""


def pack(venues: tuple[VenueLook, ...], known: Packed | None = None) -> bytes:
    """known: shared by looks that are packed together, as thousands of orders see the same levels."""
    packed = {} if known is None else known
    return _encode([packed.get(id(venue)) or _pack_venue(venue, packed) for venue in venues])


def unpack(data: bytes) -> tuple[VenueLook, ...]:
    """Raises ValueError, TypeError or ArithmeticError where it can't be read."""
    return tuple(_venue(*fields) for fields in _decode(data))


def _pack_venue(venue: VenueLook, known: Packed) -> msgspec.Raw:
    exchange_time, near_best, horizon = venue.exchange_time, venue.near_best, venue.horizon
    fields = (
        venue.exchange,
        venue.state.value,
        venue.sequence,
        None if exchange_time is None else to_microseconds(exchange_time),
        venue.age_ms,
        None if near_best is None else str(near_best),
        venue.more,
        str(venue.visible),
        [known.get(id(level)) or _pack_level(level, known) for level in venue.levels],
        None if horizon is None else str(horizon),
    )
    packed = known[id(venue)] = msgspec.Raw(_encode(fields))
    return packed


def _pack_level(level: LookLevel, known: Packed) -> msgspec.Raw:
    texts = (str(level.price), str(level.displayed), str(level.taken))
    packed = known[id(level)] = msgspec.Raw(_encode(texts))
    return packed


def _venue(
    exchange: str,
    state: str,
    sequence: int | None,
    exchange_time: int | None,
    age_ms: int | None,
    near_best: str | None,
    more: bool,
    visible: str,
    levels: list[Any],
    horizon: str | None,
) -> VenueLook:
    return VenueLook(
        exchange=exchange,
        state=BookState(state),
        sequence=sequence,
        exchange_time=None if exchange_time is None else to_moment(exchange_time),
        age_ms=age_ms,
        near_best=None if near_best is None else Decimal(near_best),
        levels=tuple(
            LookLevel(Decimal(price), Decimal(displayed), Decimal(taken))
            for price, displayed, taken in levels
        ),
        more=more,
        visible=Decimal(visible),
        horizon=None if horizon is None else Decimal(horizon),
    )
