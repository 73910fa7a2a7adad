"""SQLite's write-ahead log, copied into the database file by a thread of its own: otherwise every so many
commits one would wait for it.
"""

import logging
import sqlite3
import threading
from pathlib import Path

ROWS_IN_LOG = 1_000
"""So many written rows are worth a copy: some 4 MiB, as SQLite has it."""
PAGES_IN_LOG = 16_000
"""64 MiB: here a commit copies after all, since the thread can't keep up."""
PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Checkpoints:
    """Of one database file, from `start` to `stop`."""

    def __init__(self, file: str) -> None:
        self._file, self._address = file, f"{Path(file).absolute().as_uri()}?mode=rw"
        self._rows = 0
        self._due, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="twap-checkpoints", daemon=True)
        self._said = ""

    def start(self) -> None:
        self._thread.start()

    def written(self, rows: int) -> None:
        """So many rows more are in the log."""
        self._rows += rows
        if self._rows >= ROWS_IN_LOG:
            self._rows = 0
            self._due.set()

    def stop(self) -> None:
        """Waits for a copy that is under way: call it in a thread."""
        self._ended.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._due.wait()
            self._due.clear()
            self._copy()
            self._ended.wait(PAUSE_SECONDS)

    def _copy(self) -> None:
        """PASSIVE: nobody waits for it. What it can't copy stays safe in the log."""
        try:
            connection = sqlite3.connect(self._address, uri=True, timeout=0)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                connection.close()
        except sqlite3.Error as error:
            if str(error) != self._said:
                self._said = str(error)
                _log.warning("the log of %s could not be copied: %s", self._file, error)
        else:
            self._said = ""
