"""Exchange x fault: a true book, or an honest word about its absence; never a wrong book that is live."""

import pytest

from tests.conformance import suite
from tests.conformance.installed import EXCHANGES, stand_in


@pytest.mark.parametrize("fault", suite.FAULTS)
@pytest.mark.parametrize("name", EXCHANGES)
async def test_books_when_this_fault_befalls_them_then_true_or_honestly_not_live(
    name, fault, record_property
):
    cell = await suite.check_fault(EXCHANGES[name], stand_in(name), fault)
    record_property("fault matrix", [list(suite.FAULTS).index(fault), fault, name, cell])
