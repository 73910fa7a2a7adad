"""The hot path: many orders' steps in one transaction."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

from twap.plugins.storage.database import Database
from twap.plugins.storage.looks import Look, Looks
from twap.plugins.storage.rows import (
    Stage,
    Values,
    execution_values,
    slice_values,
    stage_values,
    totals_values,
)
from twap.plugins.storage.statements import (
    GUARDS,
    INSERT_EXECUTION,
    INSERT_LOOK,
    INSERT_SLICE,
    UPDATE_PROGRESS,
    UPDATE_TOTALS,
)
from twap.ports.errors import StorageError
from twap.ports.order import Slice
from twap.ports.store import Recorded, Step

STEPS_WITHOUT_PAUSE = 500
"""So many get their ids before the event loop gets a turn: some 2 ms."""

_log = logging.getLogger(__name__)


class _Guard(NamedTuple):
    """An order as it is stored."""

    order_id: str
    entry: int
    revision: int
    fence: int
    stage: Stage


_guards_decoder = msgspec.json.Decoder(list[_Guard])


class _PreparedSlice(NamedTuple):
    """values, executions: their first values are ids, set when they are written."""

    number: int
    look: Look | None
    values: Values
    executions: list[Values]


class _Prepared(NamedTuple):
    """A step as values for the database. revision, fence: what it is based on."""

    order_id: str
    revision: int
    fence: int
    stage: Stage
    totals: Values
    slices: list[_PreparedSlice]


class StepBatch:
    """A `twap.ports.store.Batch`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks = Looks()
        self._steps: list[_Prepared | None] = []

    def add(self, step: Step) -> None:
        """One that can't be stored on any database is kept as None."""
        try:
            self._steps.append(_prepare(step, self._looks))
        except (ValueError, TypeError, AttributeError, OverflowError, msgspec.MsgspecError) as error:
            _log.warning("order %s: this step can't be stored: %s", step.order.id, error)
            self._steps.append(None)

    async def store(self) -> Sequence[Recorded]:
        sound = [step for step in self._steps if step is not None]
        outcomes = iter(await _write_parts(self._database, sound))
        return [Recorded.FAILED if step is None else next(outcomes) for step in self._steps]


def _prepare(step: Step, looks: Looks) -> _Prepared:
    progress = step.order.progress
    return _Prepared(
        step.order.id,
        progress.revision - 1,
        step.fence,
        stage_values(progress),
        totals_values(progress),
        [_prepare_slice(piece, looks) for piece in step.slices],
    )


def _prepare_slice(piece: Slice, looks: Looks) -> _PreparedSlice:
    look = looks.pack(piece.venues, piece.looked_at)
    executions = [execution_values(fill, position) for position, fill in enumerate(piece.executions)]
    return _PreparedSlice(piece.number, look, slice_values(piece, look), executions)


async def _write(database: Database, steps: Sequence[_Prepared]) -> list[Recorded]:
    """All that are neither LOST nor TAKEN, in one transaction."""
    if not steps:
        return []
    async with database.writing() as session:
        guards = await _guards(database, session, steps)
        outcomes = _judge(steps, guards)
        await asyncio.sleep(0)
        stored = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome is Recorded.STORED]
        for part in _one_step_an_order(stored):
            await _update(database, session, part, guards)
        await _insert(database, session, stored, guards)
    return outcomes


async def _guards(
    database: Database, session: BaseDBAsyncClient, steps: Sequence[_Prepared]
) -> dict[str, _Guard]:
    ids = msgspec.json.encode([step.order_id for step in steps]).decode()
    _, rows = await session.execute_query(database.sql(GUARDS[database.dialect]), [ids])
    return {guard.order_id: guard for guard in _guards_decoder.decode(rows[0]["guards"] or "[]")}


def _judge(steps: Sequence[_Prepared], guards: Mapping[str, _Guard]) -> list[Recorded]:
    """STORED is a promise still: later steps of an order are based on its earlier ones."""
    revisions: dict[str, int] = {}
    outcomes = []
    for step in steps:
        order_id, guard = step.order_id, guards.get(step.order_id)
        if guard is None or guard.fence != step.fence:
            outcomes.append(Recorded.TAKEN)
        elif revisions.get(order_id, guard.revision) != step.revision:
            outcomes.append(Recorded.LOST)
        else:
            revisions[order_id] = step.revision + 1
            outcomes.append(Recorded.STORED)
    return outcomes


async def _update(
    database: Database, session: BaseDBAsyncClient, steps: Sequence[_Prepared], guards: dict[str, _Guard]
) -> None:
    """The orders themselves, one step each. guards: are brought up to date."""
    totals: list[Values] = []
    whole: list[Values] = []
    for step in steps:
        guard = guards[step.order_id]
        key = [guard.entry, step.revision]
        if guard.stage == step.stage:
            totals.append(step.totals + key)
        else:
            whole.append([*step.stage, *step.totals, *key])
            guards[step.order_id] = guard._replace(stage=step.stage)
    await _many(database, session, UPDATE_TOTALS, totals)
    await _many(database, session, UPDATE_PROGRESS, whole)


async def _insert(
    database: Database, session: BaseDBAsyncClient, steps: Sequence[_Prepared], guards: Mapping[str, _Guard]
) -> None:
    """Slices and executions are numbered in the order of time: so the indexes by these numbers grow at their
    end, and only the one by order and slice is written all over."""
    pieces = [piece for step in steps for piece in step.slices]
    if not pieces:
        return
    looks = {id(piece.look): piece.look.packed for piece in pieces if piece.look is not None}
    look_ids = dict(zip(looks, await database.new_ids(session, "looks", len(looks)), strict=True))
    slice_ids = iter(await database.new_ids(session, "slices", len(pieces)))
    executions: list[Values] = []
    for count, step in enumerate(steps, 1):
        entry = guards[step.order_id].entry
        for piece in step.slices:
            slice_id = next(slice_ids)
            piece.values[:3] = slice_id, entry, look_ids.get(id(piece.look))
            for values in piece.executions:
                values[0] = slice_id
            executions += piece.executions
        if count % STEPS_WITHOUT_PAUSE == 0:
            await asyncio.sleep(0)
    await _many(database, session, INSERT_LOOK, [[look_ids[key], packed] for key, packed in looks.items()])
    await _many(database, session, INSERT_SLICE, [piece.values for piece in pieces])
    await _many(database, session, INSERT_EXECUTION, executions)


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


async def _write_parts(database: Database, steps: Sequence[_Prepared]) -> list[Recorded]:
    """All at once; if the database refuses that, each half by itself, down to the step that it refuses."""
    try:
        return await _write(database, steps)
    except (StorageError, IntegrityError) as error:
        _stop_if_unusable(database, error)
        if len(steps) == 1:
            return [await _refused(database, steps[0], error)]
    middle = len(steps) // 2
    return await _write_parts(database, steps[:middle]) + await _write_parts(database, steps[middle:])


async def _refused(database: Database, step: _Prepared, error: Exception) -> Recorded:
    if isinstance(error, IntegrityError) and await _slice_is_stored(database, step):
        return Recorded.LOST
    _log.warning("order %s: the database refused a step: %s", step.order_id, database.reason(error))
    return Recorded.FAILED


async def _slice_is_stored(database: Database, step: _Prepared) -> bool:
    async with database.reading() as session:
        order = await database.tables.orders.get(id=step.order_id, using_db=session)
        numbers = [piece.number for piece in step.slices]
        slices = database.tables.slices.filter(order_entry=order.entry, number__in=numbers)
        return await slices.using_db(session).exists()


def _stop_if_unusable(database: Database, error: Exception) -> None:
    if database.unusable(error):
        raise StorageError(f"nothing can be stored: {database.reason(error)}") from error
