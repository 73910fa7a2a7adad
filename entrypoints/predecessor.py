"""Which process served a SQLite database before this one: what a killed one had claimed is free at once.

A claim has a lease, so that nobody takes over what another process executes. On one machine there is no need
to wait for its end: the kernel tells, by the lock on a file beside the database, that its owner is gone.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twap.plugins.storage.address import MEMORY, SqliteAddress, parse_address

_MOST_BYTES = 1000


@contextmanager
def serving(database_url: str, owner: str) -> Iterator[str | None]:
    """For as long as the block runs, others can tell that `owner` serves this database.

    Yields the owner before this one, where it is certain that it runs no more; None where there was none,
    where another process serves this database now, or where it is no SQLite file.
    """
    address = parse_address(database_url)
    if not isinstance(address, SqliteAddress) or address.file == MEMORY:
        yield None
        return
    with Path(f"{address.file}.owner").open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        file.seek(0)
        before = file.read(_MOST_BYTES).decode(errors="replace")
        file.truncate(0)
        file.write(owner.encode())
        file.flush()
        yield before or None
