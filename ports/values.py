"""How values that never change are declared, where thousands are made at a time.

To type checkers `value(frozen=True, slots=True)` is `dataclass(frozen=True, slots=True)`: they refuse to set
a field. At run time the fields are not guarded, since a guarded one costs five times as much to fill: that
was a seventh of what a slice costs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen: bool, slots: bool) -> Any:
        """A dataclass that compares and hashes by its fields. frozen: by agreement."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["value"]
