"""Writes recordings beside the event loop: a thread, a bounded queue, and files that a kill can't spoil."""

import gzip
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from twap.entrypoints.recording.files import SUFFIX, Kind, encode_line, file_name
from twap.ports.errors import TwapError

FLUSH_SECONDS = 1.0
FLUSH_BYTES = 4 * 2**20
MOST_WAITING_BYTES = 64 * 2**20
_LEVEL = 6
_ENTRY_BYTES = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """max_bytes       of all files together, as they lie on the disk; the recording then ends
    rotate_bytes    of one file, on the disk; rotate_seconds: of one file, by the times of its lines
    waiting_bytes   not written yet; a disk that falls behind further ends the recording as a failure
    """

    max_bytes: int = 2**30
    rotate_bytes: int = 32 * 2**20
    rotate_seconds: float | None = None
    waiting_bytes: int = MOST_WAITING_BYTES


@dataclass(frozen=True, slots=True)
class _Entry:
    exchange: str
    kind: Kind
    at: int
    channel: str
    connection: int
    url: str
    payload: bytes


@dataclass(slots=True)
class _File:
    path: Path
    number: int
    size: int = 0
    began_at: int | None = None


class RecordingWriter:
    """Every second (and every 4 MiB) what came is appended to the files, as one gzip member each: whatever
    ends the process, what was written before can be read.

    ended   why nothing is recorded any more, or None
    failed  that was a fault: what came afterwards, and at most what waited, is missing
    """

    def __init__(self, folder: Path, bounds: Bounds | None = None) -> None:
        """Makes the folder. Raises TwapError where it holds a recording already, OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob(f"*{SUFFIX}")):
            raise TwapError(f"{folder} holds a recording already: choose another folder")
        self.ended: str | None = None
        self.failed = False
        self.lines = 0
        self.bytes_written = 0
        self._folder, self._bounds = folder, bounds or Bounds()
        self._files: dict[tuple[str, Kind], _File] = {}
        self._waiting: list[_Entry] = []
        self._waiting_bytes = 0
        self._newest = 0
        self._closing = self._hurry = self._writing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recording writer", daemon=True)
        self._thread.start()

    def put(
        self, exchange: str, kind: Kind, at: int, channel: str, connection: int, url: str, payload: bytes
    ) -> None:
        """Note a line; never waits for the disk. Moments are moved by microseconds where they would not
        grow, so that sorting by time restores the order, across files too.

        at  microseconds since 1970
        """
        with self._changed:
            if self.ended is not None or self._closing:
                return
            entry = _Entry(exchange, kind, max(at, self._newest + 1), channel, connection, url, payload)
            if self._waiting_bytes + _size(entry) > self._bounds.waiting_bytes:
                self._end("the disk is too slow: what waits for it would not fit into memory", failed=True)
                return
            self._newest = entry.at
            self._waiting.append(entry)
            self._waiting_bytes += _size(entry)
            self.lines += 1
            if self._waiting_bytes >= FLUSH_BYTES:
                self._changed.notify_all()

    def flush(self) -> None:
        """Blocks until the disk has all that was put."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: not (self._waiting or self._writing) or not self._thread.is_alive()
            )

    def close(self) -> None:
        """Write what waits, and end. Blocks until the disk has it."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def discard(self) -> None:
        """End, and remove what was written."""
        self.close()
        for file in self._files.values():
            file.path.unlink(missing_ok=True)

    def _end(self, why: str, *, failed: bool) -> None:
        if self.ended is None:
            self.ended, self.failed = why, failed

    def _run(self) -> None:
        is_last = False
        while not is_last:
            entries, is_last = self._take()
            try:
                self._write(entries)
            except OSError as error:
                is_last = True
                with self._changed:
                    self._waiting.clear()
                    self._end(f"writing failed: {error.strerror or error}", failed=True)
            with self._changed:
                self._waiting_bytes -= sum(map(_size, entries))
                self._writing = False
                self._changed.notify_all()

    def _take(self) -> tuple[list[_Entry], bool]:
        """What waits, once it is time to write it; True: nothing comes after it."""
        with self._changed:
            if not (self._closing or self._hurry or self._waiting_bytes >= FLUSH_BYTES):
                self._changed.wait(FLUSH_SECONDS)
            entries, self._waiting = self._waiting, []
            self._writing, self._hurry = True, False
            return entries, self._closing or self.ended is not None

    def _write(self, entries: list[_Entry]) -> None:
        """All files end at the same moment: where one has no room, none gets its part. Raises OSError."""
        members = self._packed(entries)
        if self.bytes_written + sum(map(len, members.values())) > self._bounds.max_bytes:
            with self._changed:
                self._waiting.clear()
                self._end(f"the bound of {self._bounds.max_bytes} bytes is reached", failed=False)
            return
        began: dict[tuple[str, Kind], int] = {}
        for entry in entries:
            began.setdefault((entry.exchange, entry.kind), entry.at)
        for key, member in members.items():
            file = self._file(key, began[key])
            _append(file, member)
            self.bytes_written += len(member)

    def _packed(self, entries: list[_Entry]) -> Mapping[tuple[str, Kind], bytes]:
        parts: dict[tuple[str, Kind], list[bytes]] = {}
        for x in entries:
            line = encode_line(x.at, x.channel, x.connection, x.url, x.payload)
            parts.setdefault((x.exchange, x.kind), []).append(line)
        return {key: gzip.compress(b"".join(lines), _LEVEL, mtime=0) for key, lines in parts.items()}

    def _file(self, key: tuple[str, Kind], at: int) -> _File:
        """The one to go on with; the next one where it is full or old."""
        file = self._files.get(key)
        if file is None or self._is_over(file, at):
            number = 1 if file is None else file.number + 1
            path = self._folder / file_name(*key, number)
            path.touch(exist_ok=False)
            file = self._files[key] = _File(path, number, began_at=at)
        return file

    def _is_over(self, file: _File, at: int) -> bool:
        seconds = self._bounds.rotate_seconds
        is_old = seconds is not None and at - (file.began_at or at) >= seconds * 1_000_000
        return is_old or file.size >= self._bounds.rotate_bytes


def _size(entry: _Entry) -> int:
    return len(entry.payload) + len(entry.url) + _ENTRY_BYTES


def _append(file: _File, member: bytes) -> None:
    """Whole or not at all, as far as the disk lets us. Raises OSError."""
    with file.path.open("ab", buffering=0) as out:
        try:
            written = 0
            while written < len(member):
                written += out.write(member[written:])
        except OSError:
            with suppress(OSError):
                os.truncate(file.path, file.size)
            raise
    file.size += len(member)
