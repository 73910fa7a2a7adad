"""Ids and chance that a test can foretell."""

from itertools import count


class CountingIds:
    """Ids 1, 2, 3, ... as 32 hexadecimal digits; `uniform` is always `share`."""

    def __init__(self, share=0.5):
        self.share = share
        self._numbers = count(1)

    def new(self):
        return f"{next(self._numbers):032x}"

    def uniform(self):
        return self.share
