"""The port to chance."""

from typing import Protocol


class Ids(Protocol):
    def new(self) -> str:
        """An id that was never given before: 32 hexadecimal digits, later ones sort higher."""
        ...

    def uniform(self) -> float:
        """From [0, 1): jitter."""
        ...
