"""Faults of frames. Each check gets a stage whose books are true, and leaves it for `Stage.heal`.

What a check returns, if anything, is what can't be known by the exchange's protocol.
"""

from twap.ports.market import BookState

NO_CHECKSUM = (
    "undetectable: by protocol, it has no checksum; contained, and true again on the next connection"
)
BELOW_CHECKSUM = (
    "undetectable: by protocol, below the levels that the checksum covers; those above are always true"
)
A_GAP = "n/a: the exchange has no checksum, but each lost change is a gap (see skip)"


async def skip(stage):
    """Changes are lost."""
    stage.server.fault("skip", symbol=stage.symbol, count=5)
    await stage.step(6, stage.symbol)
    await mended(stage)


async def skip_below_checksum(stage):
    """A change is lost where no checksum looks: what it covers stays true, the rest until its next look."""
    if stage.checksum_depth is None:
        return A_GAP
    covered = stage.trusted = stage.checksum_depth
    while True:
        before = best(stage, covered)
        stage.server.fault("skip", symbol=stage.symbol, count=1)
        await stage.step(1, stage.symbol)
        if best(stage, covered) == before:
            break
        await stage.heal()
        stage.trusted = covered
    assert stage.source().state is BookState.LIVE
    await stage.step(40, stage.symbol)
    stage.server.fault("drop")
    return BELOW_CHECKSUM


async def duplicate(stage):
    """A change comes twice."""
    stage.server.fault("duplicate", symbol=stage.symbol, count=2)
    await stage.step(4, stage.symbol)
    if stage.rules.drops_old:
        await stage.until(lambda: stage.counters().repeated >= 2, "two repetitions")
        await stage.true()
        assert not stage.seen, stage.seen


async def reorder(stage):
    """Two changes come the wrong way round."""
    stage.server.fault("reorder", symbol=stage.symbol, count=1)
    await stage.step(3, stage.symbol)
    await mended(stage)


async def delay(stage):
    """Changes come late: what is shown meanwhile was true, and nothing has to be mended."""
    stage.server.fault("delay", symbol=stage.symbol, count=3, delay_seconds=0.05)
    await stage.step(3, stage.symbol)
    await stage.true()
    assert not stage.seen, stage.reasons
    assert stage.status().resyncs == stage.status().reconnects == 0


async def cut_short(stage):
    """A frame is no JSON."""
    stage.server.fault("corrupt", symbol=stage.symbol, count=1, mode="json")
    await stage.step(2, stage.symbol)
    await broken(stage)


async def malformed(stage):
    """An odd frame is no JSON."""
    stage.server.fault("malformed", symbol=stage.symbol, count=1)
    await stage.step(2, stage.symbol)
    await broken(stage)


async def wrong_digit(stage):
    """A price or a quantity is another one than was meant; only a checksum can tell."""
    depth = stage.checksum_depth
    stage.trusted, stage.blind = depth, depth is None
    stage.server.fault("corrupt", symbol=stage.symbol, count=6, mode="digit")
    await stage.step(7, stage.symbol)
    if depth is not None:
        await mended(stage)
        return BELOW_CHECKSUM
    # What can be asked for: nothing but those levels is untrue, and the next new beginning mends them.
    await stage.until(lambda: not stage.server.faults.active, "the damage")
    wrong = [set(mine) - set(theirs) for mine, theirs in stage.sides(stage.instruments[0])]
    assert sum(map(len, wrong)) <= 12, wrong
    stage.server.fault("drop")
    return NO_CHECKSUM


async def unknown(stage):
    """A well-formed frame that no exchange documents is counted, and disturbs nothing."""
    stage.server.fault("unknown", symbol=stage.symbol, count=2)
    await stage.step(3, stage.symbol)
    await stage.until(lambda: stage.status().ignored >= 2, "two frames counted as unknown")
    assert stage.status().reconnects == 0
    assert not stage.seen, stage.reasons


async def huge_frame(stage):
    """A frame is larger than this exchange may send."""
    stage.server.fault("huge_frame", symbol=stage.symbol, count=1, size=2**19)
    await stage.step(2, stage.symbol)
    await broken(stage)
    assert any("limit" in reason for reason in stage.reasons), stage.reasons


async def crossed(stage):
    """The exchange itself shows a bid above an ask: no book to trade on."""
    stage.server.fault("crossed", symbol=stage.symbol, count=1)
    await stage.step(1, stage.symbol)
    await stage.until(lambda: stage.counters().crossed >= 1, "a crossed book was noticed")
    assert any("crossed" in reason for reason in stage.reasons), stage.reasons


async def mended(stage):
    """By what the protocol gives: a sequence by book, a checksum, or the connection's own count."""
    rules, status = stage.rules, stage.status
    await stage.until(lambda: stage.seen, "the book in doubt")
    if rules.contiguous:
        await stage.until(lambda: status().gaps >= 1 and status().resyncs >= 1, "a gap that was mended")
        assert status().reconnects == 0, "one book's gap cost the whole connection"
    elif stage.checksum_depth is not None:
        found = lambda: status().checksum_failures >= 1 and status().resyncs >= 1  # noqa: E731
        await stage.until(found, "a checksum failure that was mended")
        assert status().reconnects == 0, "one book's checksum cost the whole connection"
    else:
        await stage.until(lambda: status().gaps >= 1, "a gap of the connection")
        await stage.until(lambda: status().reconnects >= 1, "a new connection")


async def broken(stage):
    """The protocol is broken: counted, and connected anew."""
    await stage.until(lambda: stage.status().malformed >= 1, "a malformed frame counted")
    await stage.until(lambda: stage.status().reconnects >= 1, "a new connection")


def best(stage, depth):
    bids, asks, _ = stage.server.book(stage.symbol, depth)
    return bids, asks


FAULTS = {
    "skip": skip,
    "skip below checksum": skip_below_checksum,
    "duplicate": duplicate,
    "reorder": reorder,
    "delay": delay,
    "cut short": cut_short,
    "malformed": malformed,
    "wrong digit": wrong_digit,
    "unknown": unknown,
    "huge frame": huge_frame,
    "crossed": crossed,
}
