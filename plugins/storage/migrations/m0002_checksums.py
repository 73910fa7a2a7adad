"""Checksums of an order's request and of a slice's looks; rows from before have none."""

STATEMENTS = (
    "ALTER TABLE orders ADD COLUMN checksum BIGINT",
    "ALTER TABLE slices ADD COLUMN checksum BIGINT",
)
