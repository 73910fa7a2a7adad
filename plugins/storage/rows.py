"""Values of the ports as rows of the tables, and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from twap.plugins.storage import checksums
from twap.plugins.storage.fields import to_microseconds, to_moment
from twap.plugins.storage.looks import NO_LOOK, Look, Triples, pack_memory, quantities, triples, unpack
from twap.plugins.storage.models import ExecutionRow, OrderRow, SliceRow, UserRow
from twap.ports.account import Role, TokenFamily, User
from twap.ports.numbers import plain
from twap.ports.order import (
    BookStamp,
    Execution,
    MissReason,
    Order,
    OrderStatus,
    Progress,
    Side,
    Slice,
    Taken,
    Ticket,
    VenueTerms,
    execution_id,
)

Values = list[object]
"""Of one row of one statement, as the database keeps them."""

Stage = tuple[str, int | None, int | None, str | None, str | None]
"""Status, start, end, arrival mid and note, as the database keeps them."""

_ticket = msgspec.json.Decoder(Ticket)
_terms = msgspec.json.Decoder(tuple[VenueTerms, ...])
_warnings = msgspec.json.Decoder(tuple[str, ...])
_taken = msgspec.json.Decoder(Triples)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _taken_json(taken: Taken) -> str:
    return _json(triples(taken))


def order_values(order: Order) -> Values:
    """For `INSERT_ORDER`."""
    ticket = order.ticket
    request = [
        order.id,
        order.user_id,
        ticket.client_order_id,
        ticket.symbol,
        to_microseconds(order.created_at),
        to_microseconds(order.starts_at),
        plain(order.lot_size),
        order.slices_total,
        _json(ticket),
        _json(order.terms),
        _json(order.warnings),
    ]
    return [
        *request,
        checksums.of_request(request),
        *stage_values(order.progress),
        *totals_values(order.progress),
    ]


def stage_values(progress: Progress) -> Stage:
    """What seldom changes, for `INSERT_ORDER` and `UPDATE_PROGRESS`."""
    started_at, ended_at, mid = progress.started_at, progress.ended_at, progress.arrival_mid
    return (
        progress.status.value,
        None if started_at is None else to_microseconds(started_at),
        None if ended_at is None else to_microseconds(ended_at),
        None if mid is None else plain(mid),
        progress.note,
    )


def totals_values(progress: Progress) -> Values:
    """What changes with every slice: for `UPDATE_TOTALS`, and after the stage in the other two."""
    return [
        progress.revision,
        progress.slices_done,
        plain(progress.executed),
        plain(progress.notional),
        plain(progress.fees),
        progress.lots_count,
        _taken_json(progress.taken),
    ]


def slice_values(piece: Slice, look: Look | None) -> Values:
    """For `INSERT_SLICE`; the first three, ids of the slice, its order and its look, are still to be set."""
    memory = pack_memory(piece.taken, piece.deeper)
    looked_at = to_microseconds(piece.looked_at)
    checksum = checksums.of_look(NO_LOOK, looked_at) if look is None else look.checksum
    planned = plain(piece.planned)
    target = planned if piece.target is piece.planned else plain(piece.target)  # nearly always
    filled = target if piece.filled is piece.target else plain(piece.filled)
    return [
        None,
        None,
        None,
        piece.number,
        to_microseconds(piece.due_at),
        looked_at,
        planned,
        target,
        filled,
        None if piece.reason is None else piece.reason.value,
        None if piece.mid is None else plain(piece.mid),
        memory,
        checksums.with_memory(checksum, memory),
    ]


def execution_values(execution: Execution, position: int) -> Values:
    """For `INSERT_EXECUTION`; the first, the slice's id, is still to be set."""
    book = execution.book
    exchange_time = book.exchange_time
    return [
        None,
        position,
        plain(execution.quantity),
        plain(execution.price),
        plain(execution.fee),
        execution.exchange,
        book.sequence,
        None if exchange_time is None else to_microseconds(exchange_time),
        book.age_ms,
    ]


def to_order(row: OrderRow) -> Order:
    progress = Progress(
        status=OrderStatus(row.status),
        revision=row.revision,
        started_at=row.started_at,
        ended_at=row.ended_at,
        slices_done=row.slices_done,
        executed=row.executed,
        notional=row.notional,
        fees=row.fees,
        lots_count=row.lots_count,
        arrival_mid=row.arrival_mid,
        taken=quantities(_taken.decode(row.taken)),
        note=row.note,
    )
    return Order(
        id=row.id,
        user_id=row.user_id,
        ticket=_ticket.decode(row.ticket),
        terms=_terms.decode(row.terms),
        lot_size=row.lot_size,
        created_at=row.created_at,
        starts_at=row.starts_at,
        slices_total=row.slices_total,
        progress=progress,
        warnings=_warnings.decode(row.warnings),
        intact=row.checksum in (None, _request_checksum(row)),
    )


def _request_checksum(row: OrderRow) -> int:
    return checksums.of_request(
        (
            row.id,
            row.user_id,
            row.client_order_id,
            row.symbol,
            to_microseconds(row.created_at),
            to_microseconds(row.starts_at),
            plain(row.lot_size),
            row.slices_total,
            row.ticket,
            row.terms,
            row.warnings,
        )
    )


class OrderKey(NamedTuple):
    """What an order's slices and executions have from it."""

    entry: int
    id: str
    symbol: str
    side: Side


def to_key(row: OrderRow) -> OrderKey:
    """Needs of the row entry, id, symbol and ticket."""
    return OrderKey(row.entry, row.id, row.symbol, _ticket.decode(row.ticket).side)


def to_slice(row: SliceRow, order: OrderKey, look: bytes | None, fills: Sequence[ExecutionRow]) -> Slice:
    """Raises ValueError, saying which slice, where it can't be read."""
    packed = NO_LOOK if look is None else look
    try:
        venues, taken, deeper = unpack(packed, row.memory)
        reason = None if row.reason is None else MissReason(row.reason)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"slice {row.number} of order {order.id} can't be read: {error}") from error
    looks_checksum = checksums.of_look(packed, to_microseconds(row.looked_at))
    return Slice(
        order_id=order.id,
        number=row.number,
        due_at=row.due_at,
        looked_at=row.looked_at,
        planned=row.planned,
        target=row.target,
        filled=row.filled,
        reason=reason,
        mid=row.mid,
        venues=venues,
        taken=taken,
        deeper=deeper,
        executions=tuple([to_execution(fill, order, row.number, row.looked_at) for fill in fills]),
        intact=row.checksum in (None, checksums.with_memory(looks_checksum, row.memory)),
    )


def to_execution(row: ExecutionRow, order: OrderKey, number: int, looked_at: datetime) -> Execution:
    """number, looked_at: of its slice."""
    return Execution(
        id=execution_id(order.id, number, row.position + 1),
        order_id=order.id,
        slice=number,
        symbol=order.symbol,
        side=order.side,
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        exchange=row.exchange,
        timestamp=looked_at,
        book=BookStamp(row.book_sequence, row.book_exchange_time, row.book_age_ms),
    )


def user_of(values: Mapping[str, Any]) -> User:
    """Of a row of `USER`."""
    return User(
        values["id"],
        values["name"],
        values["key"],
        values["password_hash"],
        Role(values["role"]),
        to_moment(values["created_at"]),
    )


def family_of(values: Mapping[str, Any]) -> TokenFamily:
    """Of a row of `FAMILY`."""
    return TokenFamily(
        values["id"],
        values["user_id"],
        values["refresh_id"],
        to_moment(values["expires_at"]),
        bool(values["revoked"]),
    )


def to_user(row: UserRow) -> User:
    return User(row.id, row.name, row.key, row.password_hash, Role(row.role), row.created_at)
