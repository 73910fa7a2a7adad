"""Faults of REST and of subscriptions. Each check gets a stage whose books are true, and leaves it for
`Stage.heal`. What a check returns, if anything, is what can't be known by the exchange's protocol."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from twap.ports.errors import ExchangeUnavailable
from twap.ports.market import BookState, canonical_symbol

PAUSE_SECONDS = 3
"""What refusals ask for, in the program's seconds: short enough to be waited for."""
NO_REST = "n/a: its snapshots come in the stream, not by REST"
NOT_NUMBERED = (
    "undetectable: by protocol, a snapshot has neither its book's sequence nor a checksum; true again on the "
    "next connection"
)


async def http_429(stage):
    """Too many requests: the pause that is asked for is kept, then all goes on."""
    await refused_once(stage, "http_429")


async def http_418(stage):
    """Banned for a while."""
    await refused_once(stage, "http_418")


async def refused_once(stage, kind):
    stage.server.fault(kind, count=1, retry_after=PAUSE_SECONDS)
    began = time.monotonic()
    if stage.rules.snapshot_by_rest:
        stage.server.fault("drop")
        await stage.until(lambda: stage.seen, "the book in doubt")
        await stage.until(lambda: not stage.server.faults.active, "the refusal")
        await stage.true()
    else:
        await candles(stage)
        assert not stage.seen, stage.reasons
    waited = (time.monotonic() - began) * stage.clock.speed
    assert waited >= PAUSE_SECONDS * 0.95, f"asked to stay away for {PAUSE_SECONDS} s, stayed {waited:.2f} s"


async def http_5xx(stage):
    """REST fails for longer."""
    await rest_fails(stage, "http_5xx", retry_after=0)


async def slow_body(stage):
    """Half an answer, then silence."""
    await rest_fails(stage, "slow_body", delay_seconds=60)


async def rest_fails(stage, kind, **options):
    """The caller is told; books that need no REST stay live, the others say why they are not."""
    stage.server.fault(kind, **options)
    with pytest.raises(ExchangeUnavailable, match=stage.name) as told:
        await candles(stage)
    assert told.value.retry_after_seconds > 0
    assert not stage.seen, stage.reasons
    if stage.rules.snapshot_by_rest:
        stage.server.fault("drop")
        await stage.until(lambda: stage.source().state is BookState.DOWN, "the book is down", 30)
        assert not any(map(stage.is_true, stage.instruments))


async def wrong_snapshot(stage):
    """The snapshot that a book begins with is not the one that it is said to be."""
    if not stage.rules.snapshot_by_rest and not stage.rules.contiguous and stage.checksum_depth is None:
        return await shallow_snapshot(stage)
    # In the stream it is labelled with an older sequence, which no one can know before the next change.
    stage.mislabelled = not stage.rules.snapshot_by_rest and stage.checksum_depth is None
    stage.server.fault("wrong_snapshot", symbol=stage.symbol, count=1)
    stage.server.fault("drop")
    await stage.until(lambda: "wrong_snapshot" in stage.server.faults.used, "a wrong snapshot")
    for _ in range(6):
        await stage.step(1, stage.symbol)
        await stage.true()
    status = stage.status()
    assert status.resyncs >= 1, status
    assert (status.checksum_failures >= 1) == (stage.checksum_depth is not None), status
    return None


async def shallow_snapshot(stage):
    """Nothing tells a wrong snapshot from a right one. The next connection's replaces it."""
    true_book = stage.server.book

    def worst_levels_left_out(symbol, depth=None):
        bids, asks, sequence = true_book(symbol, depth)
        return bids[:-5], asks[:-5], sequence

    stage.blind = True
    stage.server.book = worst_levels_left_out
    stage.server.fault("drop")
    await stage.until(lambda: stage.server.accepted >= 2, "a new connection")
    await stage.until(lambda: all(map(stage.is_true, stage.instruments)), "live with what it was told")
    stage.server.book = true_book
    assert not any(map(stage.is_true, stage.instruments))
    stage.server.fault("drop")
    await stage.true()
    stage.blind = False
    return NOT_NUMBERED


async def overlap_snapshot(stage):
    """A snapshot from amid a change: the change is spliced onto it, neither lost nor a gap for ever."""
    if not stage.rules.snapshot_by_rest:
        return NO_REST
    for _ in range(6):
        stage.server.fault("overlap_snapshot", symbol=stage.symbol, count=1)
        await stage.step(1, stage.symbol)
        stage.server.fault("skip", symbol=stage.symbol, count=1)
        await stage.step(2, stage.symbol)
        await stage.true()
    assert stage.status().resyncs >= 1
    return None


async def rejected(stage):
    """A request to subscribe is refused: its books say so, and are asked for again."""
    stage.server.fault("reject", symbol=stage.symbol, count=1)
    stage.server.fault("drop")
    await stage.until(lambda: any("refused" in reason for reason in stage.reasons), "the refusal shown")
    await stage.true()


async def one_rejected(stage):
    """One of two symbols is refused again and again: the other one lives on, whatever shared its request."""
    stage.server.fault("reject", symbol=stage.symbol)
    stage.server.fault("drop")
    await stage.until(lambda: stage.server.faults.used.get("reject", 0) >= 2, "two refusals")
    await stage.until(lambda: stage.is_true(stage.instruments[1]), "the other book")
    await stage.until(lambda: stage.source().state is BookState.DOWN, "the refused book is down")
    assert "refused" in stage.source().reason
    await stage.step(3, stage.instruments[1].native)
    await stage.until(lambda: stage.is_true(stage.instruments[1]), "the other book goes on")


async def candles(stage):
    """Some recent ones."""
    symbol = canonical_symbol(stage.symbol)
    end = datetime.now(UTC)
    return await stage.engine.candles(stage.name, symbol, "1m", end - timedelta(hours=1), end)


FAULTS = {
    "http 429": http_429,
    "http 418": http_418,
    "http 5xx": http_5xx,
    "slow body": slow_body,
    "wrong snapshot": wrong_snapshot,
    "overlapping snapshot": overlap_snapshot,
    "rejected": rejected,
    "one rejected": one_rejected,
}
