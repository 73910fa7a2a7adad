"""Any bytes at all from an exchange."""

import pytest

from tests.conformance import suite
from tests.conformance.installed import EXCHANGES, stand_in


@pytest.mark.parametrize("name", EXCHANGES)
async def test_frames_when_of_any_bytes_then_nothing_worse_than_a_new_connection(name):
    await suite.check_frames(EXCHANGES[name], stand_in(name))


@pytest.mark.parametrize("name", EXCHANGES)
async def test_bodies_when_of_any_bytes_then_nothing_worse_than_an_upstream_error(name):
    await suite.check_bodies(EXCHANGES[name], stand_in(name))
