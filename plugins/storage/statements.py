"""How orders, slices and executions are written, in the order in which `rows` gives their values, and what
is read most.

Plain SQL, because these carry thousands of rows a second, or are asked with every request; all else goes
through the models.
"""

USER = "SELECT id, name, key, password_hash, role, created_at FROM users WHERE id = ?"

FAMILY = "SELECT id, user_id, refresh_id, expires_at, revoked FROM token_families WHERE id = ?"

PAGE = """
SELECT id, revision FROM orders WHERE {conditions} ORDER BY created_at DESC, id DESC LIMIT ?
"""
OLDER = "created_at <= ? AND (created_at < ? OR id < ?)"
"""The first condition lets the index begin at the page; the other cuts off its neighbours."""

INSERT_ORDER = """
INSERT INTO orders (
    id, user_id, client_order_id, symbol, created_at, starts_at, lot_size, slices_total, ticket, terms,
    warnings, checksum, status, started_at, ended_at, arrival_mid, note, revision, slices_done, executed,
    notional, fees, lots_count, taken
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (user_id, client_order_id) DO NOTHING
RETURNING id
"""

UPDATE_PROGRESS = """
UPDATE orders SET
    status = ?, started_at = ?, ended_at = ?, arrival_mid = ?, note = ?, revision = ?, slices_done = ?,
    executed = ?, notional = ?, fees = ?, lots_count = ?, taken = ?
WHERE entry = ? AND revision = ?
"""

UPDATE_TOTALS = """
UPDATE orders SET
    revision = ?, slices_done = ?, executed = ?, notional = ?, fees = ?, lots_count = ?, taken = ?
WHERE entry = ? AND revision = ?
"""
"""The same where the stage stays: the indexes with the status need no touch, at half the price."""

CLAIM_ORDER = "UPDATE orders SET claim_owner = ?, claim_until = ?, fence = ? WHERE id = ?"

INSERT_LOOK = "INSERT INTO looks (id, packed) VALUES (?, ?)"

INSERT_SLICE = """
INSERT INTO slices (
    id, order_entry, look_id, number, due_at, looked_at, planned, target, filled, reason, mid, memory,
    checksum
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

INSERT_EXECUTION = """
INSERT INTO executions (
    slice_id, position, quantity, price, fee, exchange, book_sequence, book_exchange_time, book_age_ms
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

GUARDS = {
    "sqlite": """
SELECT json_group_array(
    json_array(id, entry, revision, fence, json_array(status, started_at, ended_at, arrival_mid, note))
) AS guards FROM orders WHERE id IN (SELECT value FROM json_each(?))
""",
    "postgres": """
SELECT json_agg(json_build_array(
    id, entry, revision, fence, json_build_array(status, started_at, ended_at, arrival_mid, note)
)) AS guards FROM (
    SELECT * FROM orders WHERE id IN (SELECT jsonb_array_elements_text(?::jsonb)) ORDER BY id FOR UPDATE
) AS locked
""",
}
"""Entry, revision, fence and stage of the orders of a JSON array of ids, as another one: rows of their own
would cost SQLite's thread the interpreter's lock once each. They can't change until the transaction ends."""
