"""Moments as exchanges write them."""

from datetime import UTC, datetime


def iso(time_ms):
    """2026-08-01T02:53:53.184000Z"""
    return (
        datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )
