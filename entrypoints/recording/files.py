"""Recordings on disk: gzip files of JSON lines, per exchange and kind.

    <exchange>.<kind>.jsonl.gz, then <exchange>.<kind>.0002.jsonl.gz, ...

    {"t": unix seconds, "ch": "...", "conn": N, "url": "...", "raw": "exact payload text"}

Kinds: `ws` incoming frames (`ws`; `ws_pong` for a protocol ping or pong), `sent` what happened to connections
(`ws_open`, `ws_sent`, `ws_end` with the reason), `symbols` lists of instruments and `http` all other answers
(both `http`). A payload that is no UTF-8 has an empty `raw` and stands in `raw_base64`.
"""

import base64
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from twap.ports.errors import TwapError

SUFFIX = ".jsonl.gz"
_NAME = re.compile(r"(?P<label>.+?)\.(?P<kind>symbols|sent|http|ws)(\.(?P<number>\d+))?\.jsonl\.gz")
_MICROSECONDS = 1_000_000

T = TypeVar("T")


class Kind(StrEnum):
    """In the order in which lines of the same moment are read."""

    SYMBOLS = "symbols"
    SENT = "sent"
    HTTP = "http"
    WS = "ws"


class Line(msgspec.Struct, gc=False):
    t: float
    ch: str
    conn: int = 0
    url: str = ""
    raw: str = ""
    raw_base64: str | None = None

    @property
    def at(self) -> int:
        """Microseconds since 1970."""
        return round(self.t * _MICROSECONDS)

    @property
    def payload(self) -> bytes:
        return self.raw.encode() if self.raw_base64 is None else base64.b64decode(self.raw_base64)


class _Moment(msgspec.Struct, gc=False):
    t: float


_GZIP = b"\x1f\x8b"
_line = msgspec.json.Decoder(Line)
_moment = msgspec.json.Decoder(_Moment)
_encode = msgspec.json.Encoder().encode


def encode_line(at: int, channel: str, connection: int, url: str, payload: bytes) -> bytes:
    """One line with its end. at: microseconds since 1970, written with all six decimal places."""
    seconds, micros = divmod(at, _MICROSECONDS)
    fields: dict[str, object] = {
        "t": msgspec.Raw(f"{seconds}.{micros:06d}".encode()),
        "ch": channel,
        "conn": connection,
        "url": url,
    }
    try:
        fields["raw"] = payload.decode()
    except UnicodeDecodeError:
        fields |= {"raw": "", "raw_base64": base64.b64encode(payload).decode()}
    return _encode(fields) + b"\n"


def file_name(exchange: str, kind: Kind, number: int) -> str:
    more = f".{number:04d}" if number > 1 else ""
    return f"{exchange.casefold()}.{kind}{more}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """label: what its name says of the exchange; number: of the rotation, from 1."""

    path: Path
    label: str
    kind: Kind
    number: int


def find_files(paths: Iterable[Path]) -> list[RecordingFile]:
    """The recordings among these files and in these folders, in the order to be read. Raises TwapError."""
    found = []
    for path in paths:
        if not path.exists():
            raise TwapError(f"no recording here: {path}")
        candidates = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        read = [file for each in candidates if (file := _named(each)) is not None]
        if not read:
            raise TwapError(f"no recording here: {path}; files are named EXCHANGE.KIND{SUFFIX}")
        found += read
    return sorted(set(found), key=lambda file: (file.label, list(Kind).index(file.kind), file.number))


def _named(path: Path) -> RecordingFile | None:
    parts = _NAME.fullmatch(path.name)
    if parts is None:
        return None
    return RecordingFile(path.resolve(), parts["label"], Kind(parts["kind"]), int(parts["number"] or 1))


@dataclass(frozen=True, slots=True)
class Survey:
    """One look through a file. first, last: microseconds since 1970, None where it holds no line.

    damage  why it ends before its end (its recorder was killed), or None
    """

    first: int | None
    last: int | None
    lines: int
    is_sorted: bool
    damage: str | None


def survey(file: RecordingFile) -> Survey:
    """Raises TwapError for a line that is none of a recording."""
    damages: list[str] = []
    moments = (round(moment.t * _MICROSECONDS) for moment in _decoded(file, _moment, damages))
    first = last = None
    lines, is_sorted = 0, True
    for at in moments:
        if last is not None and at < last:
            is_sorted = False
        first = at if first is None else min(first, at)
        last = at if last is None else max(last, at)
        lines += 1
    return Survey(first, last, lines, is_sorted, damages[0] if damages else None)


def read_lines(file: RecordingFile, *, is_sorted: bool = True) -> Iterator[Line]:
    """In order of time. A file that is not sorted is held in memory whole. Damage ends it quietly."""
    lines = _decoded(file, _line, [])
    return lines if is_sorted else iter(sorted(lines, key=lambda line: line.t))


def _decoded(file: RecordingFile, decoder: "msgspec.json.Decoder[T]", damages: list[str]) -> Iterator[T]:
    """Damage at the end is what a killed recorder leaves; anywhere else it is no recording."""
    with file.path.open("rb") as raw:
        if not _GZIP.startswith(raw.read(len(_GZIP))):
            raise TwapError(f"{file.path.name}: no recording: it is no gzip file")
    with gzip.open(file.path, "rb") as lines:
        try:
            for number, text in enumerate(lines, 1):
                try:
                    yield decoder.decode(text)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    if text.endswith(b"\n"):
                        what = f"{file.path.name}, line {number}: no line of a recording: {error}"
                        raise TwapError(what) from error
                    damages.append(f"line {number} is cut off")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            damages.append(f"it was not ended properly: {error}")


def exchange_of(label: str, exchanges: Sequence[str]) -> str | None:
    """The exchange that a file's label names: `binance`, or with a version behind it, as `kraken_v2`."""
    by_key = {name.casefold(): name for name in exchanges}
    key = label.casefold()
    return by_key.get(key) or by_key.get(key.partition("_")[0])
