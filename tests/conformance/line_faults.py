"""Faults of connections. Each check gets a stage whose books are true, and leaves it for `Stage.heal`."""

import pytest

from tests.fakes.exchanges.base import StandIn
from twap.ports.errors import ExchangeUnavailable
from twap.ports.market import BookState


async def drop(stage):
    """The connection breaks."""
    stage.server.fault("drop")
    await reconnected(stage)


async def close(stage):
    """The exchange says goodbye."""
    stage.server.fault("close")
    await reconnected(stage)
    assert any("closed" in reason for reason in stage.reasons), stage.reasons


async def shutdown(stage):
    """An announced end; where the exchange has a notice, the program does not wait for the end."""
    announced = type(stage.server).shutdown_notice is not StandIn.shutdown_notice
    stage.server.fault("shutdown", seconds=60 if announced else 0.05)
    await reconnected(stage)


async def half_open(stage):
    """The connection is silent: not even pongs come."""
    stage.server.fault("half_open", count=1)
    await stage.step(4)
    await reconnected(stage)
    assert any("silent" in reason for reason in stage.reasons), stage.reasons


async def half_open_again(stage):
    """The next connection is silent from its beginning, too."""
    stage.server.fault("half_open")
    await stage.until(lambda: stage.server.accepted >= 2, "a second connection")
    await stage.step(4)
    assert stage.source().state is not BookState.LIVE
    stage.server.clear_faults()
    await stage.until(lambda: stage.server.accepted >= 3, "a third connection")


async def refuse(stage, **options):
    """New connections are refused."""
    stage.server.fault("refuse", **options)
    stage.server.fault("drop")
    await stage.until(lambda: stage.server.faults.used.get("refuse", 0) >= 2, "two refusals")
    await down(stage)


async def refuse_by_closing(stage):
    """New connections are hung up on."""
    await refuse(stage, mode="close")


async def gone(stage):
    """Nothing listens any more; later something does again."""
    await stage.server.stop()
    await stage.until(lambda: stage.source().state is BookState.DOWN, "the book is down")
    await down(stage)
    engine = stage.new_engine()
    with pytest.raises(ExchangeUnavailable, match=stage.name):
        await engine.instruments(stage.name)
    await engine.close()
    await stage.server.start()


async def down(stage):
    await stage.until(lambda: stage.source().state is BookState.DOWN, "the book is down")
    status = stage.status()
    assert status.state is BookState.DOWN, status
    assert status.reason
    assert status.connections == 0


async def reconnected(stage):
    """A new connection carries the books; the status counts it."""
    await stage.until(lambda: stage.status().reconnects >= 1, "a new connection")
    assert stage.server.accepted >= 2
    assert stage.seen, "the books were never said to be in doubt"


FAULTS = {
    "drop": drop,
    "close": close,
    "shutdown": shutdown,
    "half open": half_open,
    "half open again": half_open_again,
    "refused, 503": refuse,
    "refused, hung up": refuse_by_closing,
    "gone": gone,
}
