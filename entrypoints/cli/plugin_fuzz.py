"""Bytes that a hostile or broken network could hand to a codec; the same ones at each run."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from twap.ports.events import FeedEvent

EVENTS: tuple[type, ...] = get_args(FeedEvent)
SEED = 1

GARBAGE: Sequence[bytes] = (
    b"",
    b" ",
    b"\xff\xfe{}",
    b"{}",
    b"[]",
    b"[[]]",
    b"[{}]",
    b"null",
    b"1",
    b"-1e400",
    b"NaN",
    b'"text"',
    b"pong",
    b'{"a":' * 20_000,
    b"[" * 20_000,
    b"9" * 5_000,
    b'{"type":"\\ud800"}',
    b'{"data":{"bids":[["1","NaN"]],"asks":[["1"]]}}',
)
_ODD: Sequence[Any] = (
    None,
    True,
    -1,
    0,
    1.5,
    2**63,
    10**400,
    "",
    "NaN",
    "-1",
    "1e999",
    "\ud800",
    [],
    {},
    [[]],
)
_NAMES = ("type", "symbol", "data", "e", "s", "b", "a", "u", "bids", "asks", "result", "id", "error", "ts")


def mutations(originals: Sequence[bytes], count: int) -> Iterator[bytes]:
    """The garbage, then damaged variants of the originals and made-up JSON."""
    chance = random.Random(SEED)  # noqa: S311 nothing secret: each run must be the same
    yield from GARBAGE
    pool = [text for text in originals if text and len(text) < 10_000] or [b"{}"]
    for _ in range(max(count - len(GARBAGE), 0)):
        kind = chance.randrange(4)
        original = chance.choice(pool)
        if kind == 0:
            yield original[: chance.randrange(len(original) + 1)]
        elif kind == 1:
            yield _flipped(original, chance)
        elif kind == 2:
            yield _replaced(original, chance)
        else:
            yield json.dumps(_invented(chance, depth=3)).encode()


def _flipped(text: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def _replaced(text: bytes, chance: random.Random) -> bytes:
    """One value of a JSON object exchanged for an odd one."""
    try:
        value = json.loads(text)
    except ValueError:
        return text + text
    if isinstance(value, dict) and value:
        value[chance.choice(sorted(value))] = chance.choice(_ODD)
    elif isinstance(value, list) and value:
        value[chance.randrange(len(value))] = chance.choice(_ODD)
    return json.dumps(value).encode()


def _invented(chance: random.Random, depth: int) -> Any:
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(_ODD)
    if chance.random() < 0.3:
        return [_invented(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {name: _invented(chance, depth - 1) for name in chance.sample(_NAMES, chance.randint(1, 5))}
