"""An order's liquidity memory beside its looks; rows from before have it among their levels."""

SQLITE = ("ALTER TABLE slices ADD COLUMN memory BLOB",)
POSTGRES = ("ALTER TABLE slices ADD COLUMN memory BYTEA",)
