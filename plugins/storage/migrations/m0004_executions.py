"""Executions with one index instead of two: an order's place in an index is anywhere, so each index costs
every slice of every order a page to write. `id` says the same as order, slice and position.
"""

_COLUMNS = (
    "id, order_id, slice, position, symbol, side, quantity, price, fee, exchange, timestamp, "
    "book_sequence, book_exchange_time, book_age_ms"
)

SQLITE = (
    """CREATE TABLE executions_new (
        entry INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        order_id TEXT NOT NULL REFERENCES orders (id),
        slice BIGINT NOT NULL,
        position BIGINT NOT NULL,
        symbol TEXT NOT NULL,
        side TEXT NOT NULL,
        quantity TEXT NOT NULL,
        price TEXT NOT NULL,
        fee TEXT NOT NULL,
        exchange TEXT NOT NULL,
        timestamp BIGINT NOT NULL,
        book_sequence BIGINT,
        book_exchange_time BIGINT,
        book_age_ms BIGINT NOT NULL,
        UNIQUE (order_id, slice, position)
    )""",
    f"INSERT INTO executions_new ({_COLUMNS}) SELECT {_COLUMNS} FROM executions ORDER BY rowid",  # noqa: S608
    "DROP TABLE executions",
    "ALTER TABLE executions_new RENAME TO executions",
)

POSTGRES = (
    "ALTER TABLE executions DROP CONSTRAINT executions_pkey",
    "ALTER TABLE executions ADD COLUMN entry BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "DROP INDEX executions_by_slice",
    "ALTER TABLE executions ADD UNIQUE (order_id, slice, position)",
)
