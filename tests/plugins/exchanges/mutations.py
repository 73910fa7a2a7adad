"""Damage done to valid JSON: what a hostile or broken network could hand to a codec."""

import json

from hypothesis import strategies as st

ODD_VALUES = [
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "NaN",
    "-1",
    "1e999",
    "\ud800",
    "é" * 50,
    [],
    {},
    [[]],
    [["1"]],
    [[1, 2]],
    [["1", "2", "3"]],
    {"a": [1]},
]

GARBAGE = [
    b"",
    b"\xff\xfe{}",
    b"[]",
    b"{}",
    b"null",
    b"1",
    b"NaN",
    b'"text"',
    b"pong",
    b"{" * 9,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1e99999999",
    b"9" * 5000,
    b'{"e":"\xff"}',
    b'{"e":"depthUpdate","s":"\\ud800"}',
]


DAMAGE = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"null", b'"\\ud800"', b"1e400", b"-0", b"[[[[", b"{}", b"NaN", b"9" * 400, b"\xff", b'""']
    ),
)
"""Bytes that stand in the place of a piece of a frame or a body."""


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


@st.composite
def damaged(draw, messages):
    """Bytes of one of the messages after a flip of bytes, a cut, or a replaced value."""
    message = draw(st.sampled_from(messages))
    kind = draw(st.sampled_from(["flip", "cut", "replace"]))
    if kind == "replace":
        return encode(_replaced(draw, json.loads(message)))
    data = bytearray(message)
    if kind == "cut":
        return bytes(data[: draw(st.integers(0, len(data)))])
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def _replaced(draw, value):
    """The same tree with one node replaced by an odd value or left out."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(ODD_VALUES))
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    value = value.copy()
    if draw(st.integers(0, 4)) == 0:
        del value[key]
    else:
        value[key] = _replaced(draw, value[key])
    return value
