"""Checksums of what is stored once and never changes: they tell of a digit that was changed by hand later,
and that nothing else depends on. CRC-32: against accidents and tinkering, not against forgery.
"""

from collections.abc import Sequence
from zlib import crc32

import msgspec

_encode = msgspec.json.Encoder().encode


def of_look(packed: bytes, looked_at: int) -> int:
    """looked_at: microseconds since the epoch."""
    return crc32(packed, crc32(looked_at.to_bytes(8, "big", signed=True)))


def with_memory(look: int, memory: bytes | None) -> int:
    """A slice's: of its look, which many share, and of its own memory."""
    return look if memory is None else crc32(memory, look)


def of_request(values: Sequence[object]) -> int:
    """Of an order's texts and integers that were set at its submission, in the order of `INSERT_ORDER`."""
    return crc32(_encode(values))
