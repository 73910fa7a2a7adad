"""Checks with bytes that no exchange should ever send."""

import random
from dataclasses import replace
from functools import partial

from aiohttp import web
from structlog.testing import capture_logs

from tests.conformance.stage import TIMING, Stage
from tests.fakes.exchanges.limits import Window
from twap.ports.errors import ExchangeUnavailable, UpstreamError
from twap.ports.market import canonical_symbol

GARBAGE = [
    b"",
    b"\xff\xfe\x00",
    b"[]",
    b"{}",
    b"null",
    b"NaN",
    b"-1e999999",
    b'"text"',
    b"[" * 5000,
    b'{"data":' * 5000,
    b"9" * 5000,
    b'{"type":"\\ud800"}',
]
"""Not UTF-8, not JSON, nested far too deep, huge numbers, empty."""
ODD = [b"null", b"-1", b"[]", b"{}", b'"x"', b"1e400", b"true", b'""', b"99999999999999999999"]


def damaged(chance, original):
    """The bytes with some changed, cut off, doubled or replaced by odd values."""
    data = bytearray(original)
    match chance.randrange(4):
        case 0:
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case 1:
            del data[chance.randrange(len(data)) :]
        case 2:
            at, length = chance.randrange(len(data)), chance.randint(1, 30)
            data[at : at + length] = chance.choice(ODD)
        case 3:
            at, length = chance.randrange(len(data)), chance.randint(1, 60)
            data[at:at] = data[at : at + length]
    return bytes(data)


async def check_frames(exchange, stand_in, examples=40):
    """Frames of any bytes end in nothing worse than a new connection, and the reason is visible. (What is
    wrong but well-formed can't be known: books are compared when it is over.)"""
    chance = random.Random(exchange.name)  # noqa: S311
    with capture_logs() as logs:
        async with Stage(exchange, stand_in, timing=replace(TIMING, healthy=0)) as stage:
            await stage.follow(2)
            await stage.step(10)
            await stage.true()
            stage.blind = True
            heard = [frame for frame in stage.transport.heard if frame]  # None: a connection ended
            for frame in [*GARBAGE, *(damaged(chance, chance.choice(heard)) for _ in range(examples))]:
                await stage.until(lambda: stage.server.connections, "a connection")
                for connection in stage.server.connections[:1]:
                    await connection.socket.send_bytes(frame)
                await stage.step(1)
            await stage.until(lambda: stage.status().malformed >= 1, "malformed frames counted")
            assert any("broke the protocol" in reason for reason in stage.reasons), stage.reasons
            assert not [reason for reason in stage.reasons if "fault" in reason]
            stage.server.fault("drop")
            await stage.until(lambda: stage.server.connections, "a connection")
            await stage.heal()
            stage.verdict()
    assert not [entry for entry in logs if entry["log_level"] == "error"]


async def check_bodies(exchange, stand_in, examples=30):
    """REST bodies of any bytes end in nothing worse than an UpstreamError with a reason."""
    chance = random.Random(exchange.name)  # noqa: S311
    babble(stand_in)
    with capture_logs() as logs:
        async with Stage(exchange, stand_in, rest=(10**6, 1)) as stage:
            stand_in.requests = Window(10**6, 1)  # here alone it is not about limits
            await stage.follow(1)
            answers = [lambda _, body=body: body for body in GARBAGE]
            answers += [partial(damaged, chance)] * examples
            for stand_in.babbling in answers:
                await ask_everything(stage)
            if exchange.rules.snapshot_by_rest or exchange.handshake_request() is not None:
                stage.blind = True
                stage.seen.clear()
                stand_in.babbling = lambda _: b"[[["
                stand_in.fault("drop")
                await stage.until(lambda: stage.seen, "a book that is not live")
                assert not stage.is_true(stage.instruments[0])
            stand_in.babbling = None
            await stage.heal()
            stage.verdict()
    assert not [entry for entry in logs if entry["log_level"] == "error"]


async def ask_everything(stage):
    """Instruments and candles: an answer, or an honest word."""
    engine = stage.new_engine()
    interval, span = next(iter(stage.exchange.intervals.items()))
    symbol, end = canonical_symbol(stage.symbol), stage.clock.now()
    for ask in (
        partial(engine.instruments, stage.name),
        partial(stage.engine.candles, stage.name, symbol, interval, end - 40 * span, end),
    ):
        try:
            await ask()
        except (UpstreamError, ExchangeUnavailable) as problem:
            reason = problem.reason
        else:
            reason = "none"
        assert reason
        assert "fault in its plugin" not in reason, reason
    await engine.close()


def babble(stand_in):
    """Let it pass its REST bodies through `babbling`, where that is set. Before it is started."""
    stand_in.babbling, plain = None, stand_in.rest

    def rest(path, handler, weight=1, method="GET"):
        def answer(query):
            reply = handler(query)
            if stand_in.babbling is None:
                return reply
            response = reply if isinstance(reply, web.Response) else web.json_response(reply)
            return web.Response(body=stand_in.babbling(response.body), content_type="application/json")

        plain(path, answer, weight, method)

    stand_in.rest = rest
