"""Looks in the form they are stored in: MessagePack arrays, decimals as their digits.

One venue: exchange, state, sequence, exchange time, age, near best, more, visible, levels, horizon; one
level: price, displayed, taken.
"""

from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from twap.plugins.storage.fields import to_microseconds, to_moment
from twap.ports.market import BookState
from twap.ports.order import LookLevel, VenueLook

_LEVEL = attrgetter("price", "displayed", "taken")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def pack(venues: tuple[VenueLook, ...]) -> bytes:
    return _encode([_plain_venue(venue) for venue in venues])


def unpack(data: bytes) -> tuple[VenueLook, ...]:
    return tuple(_venue(*fields) for fields in _decode(data))


def _plain_venue(venue: VenueLook) -> tuple[object, ...]:
    return (
        venue.exchange,
        venue.state.value,
        venue.sequence,
        None if venue.exchange_time is None else to_microseconds(venue.exchange_time),
        venue.age_ms,
        venue.near_best,
        venue.more,
        venue.visible,
        list(map(_LEVEL, venue.levels)),
        venue.horizon,
    )


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
