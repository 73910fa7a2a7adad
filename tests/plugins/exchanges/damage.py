"""Texts of an exchange with something wrong in them."""

import json

from hypothesis import strategies as st


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


ODD_VALUES = [
    None,
    True,
    -1,
    10**40,
    1e308,
    "",
    "NaN",
    "é" * 50,
    "9" * 400,
    [],
    [[]],
    {},
    {"a": [1]},
    ["1", "2"],
]


@st.composite
def damaged(draw, originals):
    """A valid text with one value replaced, and then perhaps some bytes changed, or its end cut off."""
    value = json.loads(draw(st.sampled_from(originals)))
    path, here = [], value
    while isinstance(here, dict | list) and here and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        path.append((here, key))
        here = here[key]
    if path and draw(st.booleans()):
        parent, key = path[-1]
        parent[key] = draw(st.sampled_from(ODD_VALUES))
    text = bytearray(encode(value))
    for position in draw(st.lists(st.integers(0, len(text) - 1), max_size=3)):
        text[position] = draw(st.integers(0, 255))
    return bytes(text[: draw(st.integers(0, len(text)))]) if draw(st.booleans()) else bytes(text)
