import logging
import os
import threading
import time

import pytest

from twap.entrypoints import log_writer
from twap.entrypoints.log_writer import MOST_BYTES, BackgroundHandler

ENDS_WITHIN_SECONDS = 5


def record(text):
    return logging.makeLogRecord({"msg": text})


@pytest.fixture
def pipe():
    """The end that is read, as a file, and the one that is written."""
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "wb") as writer:
        yield reader, writer


def test_log_when_flushed_then_all_lines_are_written_in_order(pipe):
    reader, writer = pipe
    handler = BackgroundHandler(writer.fileno())
    for number in range(100):
        handler.emit(record(f"line {number}"))
    handler.flush()
    writer.close()
    assert reader.read().decode().splitlines() == [f"line {number}" for number in range(100)]


def test_log_when_nobody_reads_then_nobody_waits_and_what_is_lost_is_told_once_somebody_reads(pipe):
    reader, writer = pipe
    handler = BackgroundHandler(writer.fileno())
    line = "x" * 99
    written = 2 * MOST_BYTES // 100

    def log():
        for _ in range(written):
            handler.emit(record(line))

    logging_thread = threading.Thread(target=log, daemon=True)
    logging_thread.start()
    logging_thread.join(ENDS_WITHIN_SECONDS)
    assert not logging_thread.is_alive(), "who logs waits for a pipe that nobody reads"

    read = []
    while "lost" not in (text := reader.readline().decode()):
        read.append(text)
    assert set(read) == {line + "\n"}
    assert MOST_BYTES // 100 - 1 <= len(read) < written
    handler.emit(record("after"))
    assert reader.readline() == b"after\n"


def test_log_when_the_pipe_is_closed_then_lines_are_left_out_and_the_thread_goes_on(pipe):
    reader, writer = pipe
    handler = BackgroundHandler(writer.fileno())
    reader.close()
    handler.emit(record("into nothing"))
    handler.flush()
    out, into = os.pipe()
    os.dup2(into, writer.fileno())
    os.close(into)
    handler.emit(record("again"))
    with os.fdopen(out, "rb") as again:
        assert again.readline() == b"again\n"
        assert b"lost" in again.readline()


def test_flush_when_nobody_reads_then_ends_all_the_same(pipe, monkeypatch):
    monkeypatch.setattr(log_writer, "FLUSH_SECONDS", 0.01)
    _, writer = pipe
    handler = BackgroundHandler(writer.fileno())
    for _ in range(2000):
        handler.emit(record("x" * 99))
    began = time.monotonic()
    handler.flush()
    assert time.monotonic() - began < ENDS_WITHIN_SECONDS
