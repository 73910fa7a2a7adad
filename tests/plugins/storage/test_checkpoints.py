"""The log of SQLite is copied beside the writing."""

import logging
import sqlite3

from twap.plugins.storage.checkpoints import ROWS_IN_LOG, Checkpoints


def filled(path):
    """A connection that keeps all it writes in the log."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(2000)])
    return connection


def copied(path, tmp_path):
    """How many rows are in the file itself, without its log."""
    alone = tmp_path / "alone.sqlite3"
    alone.write_bytes(path.read_bytes())
    with sqlite3.connect(alone) as connection:
        try:
            return connection.execute("SELECT count(*) FROM numbers").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_checkpoints_when_enough_was_written_then_it_is_in_the_file(tmp_path):
    path = tmp_path / "twap.sqlite3"
    connection = filled(path)
    assert copied(path, tmp_path) == 0
    checkpoints = Checkpoints(str(path))
    checkpoints.start()
    checkpoints.written(ROWS_IN_LOG)
    checkpoints.stop()
    assert copied(path, tmp_path) == 2000
    connection.close()


def test_checkpoints_when_the_file_is_gone_then_said_once_and_none_is_made(tmp_path, caplog):
    path = tmp_path / "none.sqlite3"
    checkpoints = Checkpoints(str(path))
    with caplog.at_level(logging.WARNING):
        checkpoints.start()
        checkpoints.written(ROWS_IN_LOG)
        checkpoints.stop()
    [said] = caplog.records
    assert "could not be copied: unable to open database file" in said.getMessage()
    assert not path.exists()
