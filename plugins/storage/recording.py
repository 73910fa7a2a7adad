"""The hot path: many orders' steps in one transaction."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

from twap.plugins.storage.database import Database
from twap.plugins.storage.looks import LevelTexts
from twap.plugins.storage.rows import Values, execution_values, progress_values, slice_values
from twap.plugins.storage.statements import GUARDS, INSERT_EXECUTION, INSERT_SLICE, UPDATE_PROGRESS
from twap.ports.errors import StorageError
from twap.ports.store import Recorded, Step

STEPS_WITHOUT_PAUSE = 200
"""So many are encoded before the event loop gets a turn: some 10 ms."""

Guard = tuple[int, int]
"""Revision and fence."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A step as values for the database. base: what must be stored for it to be written."""

    order_id: str
    base: Guard
    progress: Values
    slices: list[Values]
    executions: list[Values]
    numbers: list[int]


async def record(database: Database, steps: Sequence[Step]) -> list[Recorded]:
    """See `twap.ports.store.OrderStore.record`."""
    prepared = await _prepare(steps)
    sound = [step for step in prepared if step is not None]
    try:
        outcomes = iter(await _write(database, sound))
    except (StorageError, IntegrityError) as error:
        _stop_if_unusable(database, error)
        outcomes = iter([await _write_alone(database, step) for step in sound])
    return [Recorded.FAILED if step is None else next(outcomes) for step in prepared]


async def _prepare(steps: Sequence[Step]) -> list[_Prepared | None]:
    """None for a step that can't be stored on any database."""
    prepared: list[_Prepared | None] = []
    known: LevelTexts = {}
    for count, step in enumerate(steps, 1):
        try:
            prepared.append(_prepare_one(step, known))
        except (ValueError, TypeError, AttributeError, OverflowError, msgspec.MsgspecError) as error:
            _log.warning("order %s: this step can't be stored: %s", step.order.id, error)
            prepared.append(None)
        if count % STEPS_WITHOUT_PAUSE == 0:
            await asyncio.sleep(0)
    return prepared


def _prepare_one(step: Step, known: LevelTexts) -> _Prepared:
    order, revision = step.order, step.order.progress.revision
    return _Prepared(
        order_id=order.id,
        base=(revision - 1, step.fence),
        progress=(*progress_values(order.progress), order.id, revision - 1),
        slices=[slice_values(piece, known) for piece in step.slices],
        executions=[
            execution_values(execution, position)
            for piece in step.slices
            for position, execution in enumerate(piece.executions)
        ],
        numbers=[piece.number for piece in step.slices],
    )


async def _write(database: Database, steps: Sequence[_Prepared]) -> list[Recorded]:
    """All that are not LOST, in one transaction."""
    if not steps:
        return []
    async with database.writing() as session:
        outcomes = _judge(steps, await _guards(database, session, steps))
        stored = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome is Recorded.STORED]
        for part in _one_step_an_order(stored):
            await _many(database, session, UPDATE_PROGRESS, [step.progress for step in part])
        await _many(database, session, INSERT_SLICE, [row for step in stored for row in step.slices])
        await _many(database, session, INSERT_EXECUTION, [row for step in stored for row in step.executions])
    return outcomes


async def _guards(
    database: Database, session: BaseDBAsyncClient, steps: Sequence[_Prepared]
) -> dict[str, Guard]:
    ids = msgspec.json.encode([step.order_id for step in steps]).decode()
    rows = await session.execute_query_dict(database.sql(GUARDS[database.dialect]), [ids])
    return {row["id"]: (row["revision"], row["fence"]) for row in rows}


def _judge(steps: Sequence[_Prepared], guards: Mapping[str, Guard]) -> list[Recorded]:
    """STORED is a promise still: later steps of an order are based on its earlier ones."""
    current = dict(guards)
    outcomes = []
    for step in steps:
        if current.get(step.order_id) == step.base:
            revision, fence = step.base
            current[step.order_id] = (revision + 1, fence)
            outcomes.append(Recorded.STORED)
        else:
            outcomes.append(Recorded.LOST)
    return outcomes


def _one_step_an_order(steps: Sequence[_Prepared]) -> Iterator[Sequence[_Prepared]]:
    """In parts: a later step of an order finds what the earlier one has written. Nearly always one part."""
    while steps:
        first: dict[str, _Prepared] = {}
        later = [step for step in steps if first.setdefault(step.order_id, step) is not step]
        yield list(first.values())
        steps = later


async def _many(
    database: Database, session: BaseDBAsyncClient, statement: str, rows: Sequence[Values]
) -> None:
    if rows:
        await database.execute_many(session, statement, rows)


async def _write_alone(database: Database, step: _Prepared) -> Recorded:
    try:
        return (await _write(database, [step]))[0]
    except (StorageError, IntegrityError) as error:
        _stop_if_unusable(database, error)
        if isinstance(error, IntegrityError) and await _slice_is_stored(database, step):
            return Recorded.LOST
        _log.warning("order %s: the database refused a step: %s", step.order_id, database.reason(error))
        return Recorded.FAILED


async def _slice_is_stored(database: Database, step: _Prepared) -> bool:
    async with database.reading() as session:
        slices = database.tables.slices.filter(order_id=step.order_id, number__in=step.numbers)
        return await slices.using_db(session).exists()


def _stop_if_unusable(database: Database, error: Exception) -> None:
    if database.unusable(error):
        raise StorageError(f"nothing can be stored: {database.reason(error)}") from error
