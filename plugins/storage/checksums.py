"""Checksums of what is stored once and never changes: they tell of a digit that was changed by hand later,
and that nothing else depends on. CRC-32: against accidents and tinkering, not against forgery.
"""

from collections.abc import Sequence
from zlib import crc32

import msgspec

_encode = msgspec.json.Encoder().encode


def of_looks(packed: bytes, memory: bytes | None, looked_at: int) -> int:
    """looked_at: microseconds since the epoch."""
    looks = crc32(packed, crc32(looked_at.to_bytes(8, "big", signed=True)))
    return looks if memory is None else crc32(memory, looks)


def of_request(values: Sequence[object]) -> int:
    """Of an order's texts and integers that were set at its submission, in the order of `INSERT_ORDER`."""
    return crc32(_encode(values))
