"""What a batch is measured against: the same rows through the same models, one transaction per order."""

from twap.plugins.storage.looks import pack, pack_memory


async def store_row_by_row(storage, step, entry):
    """entry: of the order, in this database."""
    orders = storage.orders
    database, tables = orders._database, orders._tables
    order, progress = step.order, step.order.progress
    async with database.writing() as session:
        await (
            tables.orders.filter(id=order.id, revision=progress.revision - 1)
            .using_db(session)
            .update(
                status=progress.status.value,
                revision=progress.revision,
                started_at=progress.started_at,
                slices_done=progress.slices_done,
                executed=progress.executed,
                notional=progress.notional,
                fees=progress.fees,
                lots_count=progress.lots_count,
                arrival_mid=progress.arrival_mid,
            )
        )
        for piece in step.slices:
            look = await tables.looks.create(using_db=session, packed=pack(piece.venues))
            row = await tables.slices.create(
                using_db=session,
                order_entry=entry,
                look_id=look.id,
                number=piece.number,
                due_at=piece.due_at,
                looked_at=piece.looked_at,
                planned=piece.planned,
                target=piece.target,
                filled=piece.filled,
                reason=None if piece.reason is None else piece.reason.value,
                mid=piece.mid,
                memory=pack_memory(piece.taken, piece.deeper),
            )
            for position, fill in enumerate(piece.executions):
                await tables.executions.create(
                    using_db=session,
                    slice_id=row.id,
                    position=position,
                    quantity=fill.quantity,
                    price=fill.price,
                    fee=fill.fee,
                    exchange=fill.exchange,
                    book_sequence=fill.book.sequence,
                    book_exchange_time=fill.book.exchange_time,
                    book_age_ms=fill.book.age_ms,
                )
