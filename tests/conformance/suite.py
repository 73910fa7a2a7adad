"""The suite that every exchange passes. Authors of plugins: this is for yours, too.

Each check takes an exchange (an object that implements `twap.ports.exchange.Exchange`) and a stand-in of it
that is not started yet, and runs the whole engine against it over loopback. A stand-in is a server that
speaks the exchange's protocol: derive it from `tests.fakes.exchanges.base.StandIn` (its docstring says how),
give it a synthetic market of 60 levels a side, of the two symbols or more that the check's docstring asks
for, and let it remember the true book by the sequence that its clients know. `acme_stand_in.py` here is one.

    @pytest.mark.parametrize("fault", suite.FAULTS)
    async def test_acme(fault):
        stand_in = AcmeStandIn(SyntheticMarket(["BTC-USD", "ETH-USD"], levels=60))
        await suite.check_fault(Acme(), stand_in, fault)

The one rule behind all checks: whenever the program says that a book is live, the whole of it as far as it is
known equals what the stand-in's book was at that sequence; and after the fault it becomes live again.
"""

from dataclasses import replace

from tests.conformance import frame_faults, line_faults, rest_faults
from tests.conformance.book_checks import (
    check_beside_another,
    check_deep_book,
    check_instruments,
    check_many_symbols,
    check_neighbours,
    check_refill,
)
from tests.conformance.candle_checks import check_intervals, check_three_years
from tests.conformance.fuzz_checks import check_bodies, check_frames
from tests.conformance.stage import TIMING, Stage

__all__ = [
    "FAULTS",
    "check_beside_another",
    "check_bodies",
    "check_deep_book",
    "check_fault",
    "check_frames",
    "check_instruments",
    "check_intervals",
    "check_many_symbols",
    "check_neighbours",
    "check_refill",
    "check_three_years",
]

FAULTS = {**line_faults.FAULTS, **frame_faults.FAULTS, **rest_faults.FAULTS}
TIMINGS = {"half open again": replace(TIMING, silence=4)}
"""Where the usual patience would only make the test longer."""


async def check_fault(exchange, stand_in, fault):
    """One cell of the fault matrix. Returns its text: the states that books honestly had meanwhile (`live`:
    none was in doubt); or what can't be known by this protocol (`undetectable: why`), or `n/a: why`."""
    async with Stage(exchange, stand_in, timing=TIMINGS.get(fault)) as stage:
        await stage.follow(2)
        await stage.step(6)
        await stage.true()
        stage.seen.clear()
        stage.reasons.clear()
        unknowable = await FAULTS[fault](stage)
        await stage.heal()
        met = stage.verdict()
    return unknowable or met
