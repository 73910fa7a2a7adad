"""Log lines on their way out: whoever logs never waits for a reader that is slow, or stands still.

A pipe that nobody reads is full after some 400 lines, and a write to it then waits for ever; in the event
loop that would stop slices, WebSockets and HTTP alike.
"""

import logging
import os
import threading
import time
from collections import deque

MOST_BYTES = 2 * 2**20
"""Of lines that wait to be written; more are lost, and their number is told once there is room."""
FLUSH_SECONDS = 1.0
_RETRY_SECONDS = 0.05


class BackgroundHandler(logging.Handler):
    """Writes to a file descriptor in a thread of its own, which ends with the process.

    It writes past the stream's own buffer: a thread that hangs with that buffer's lock would end the
    interpreter with a crash instead of an exit code.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._held_bytes = 0
        self._lost = 0
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - as the handlers of the standard library do
            self.handleError(record)
            return
        with self._changed:
            if self._held_bytes + len(line) > MOST_BYTES:
                self._lost += 1
                return
            self._waiting.append(line)
            self._held_bytes += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Until all is written, for a bounded time: called at the end of the process, too."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held_bytes, FLUSH_SECONDS)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                lines = [*self._waiting]
                self._waiting.clear()
                lost, self._lost = self._lost, 0
            lost += sum(not self._write(line) for line in lines)
            if lost and self._write(self._line(_loss(lost))):
                lost = 0
            with self._changed:
                self._lost += lost
                self._held_bytes = sum(map(len, self._waiting))
                self._changed.notify_all()

    def _write(self, line: bytes) -> bool:
        """False where it can't be written at all: nobody can read any more, or the disk is full."""
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # who shares the descriptor has made it so
                time.sleep(_RETRY_SECONDS)
            except OSError:
                return False
        return True

    def _line(self, record: logging.LogRecord) -> bytes:
        return (self.format(record) + "\n").encode(errors="backslashreplace")


def _loss(lines: int) -> logging.LogRecord:
    fields = {"name": "twap.log", "levelno": logging.WARNING, "levelname": "WARNING", "lines": lines}
    return logging.makeLogRecord({**fields, "msg": "log lines were lost: nobody took them"})
