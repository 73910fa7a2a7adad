"""What the feed engine receives is written down as it came, survives a kill, and never leaves the bounds."""

import asyncio
import gzip
import json
from hashlib import sha256

import pytest
from typer.testing import CliRunner

from tests.fakes.clock import ManualClock
from tests.fakes.ids import CountingIds
from twap.domain.market import Market
from twap.entrypoints.cli.app import app
from twap.entrypoints.recording.files import Kind, find_files, read_lines, survey
from twap.entrypoints.recording.recorded import RecordingTransport, recorded, without_secrets
from twap.entrypoints.recording.writer import Bounds, RecordingWriter
from twap.plugins.exchanges.kucoin import Kucoin
from twap.plugins.exchanges.simulated import Simulated
from twap.plugins.transport.engine import FeedEngine
from twap.ports.errors import TwapError
from twap.ports.transport import ConnectionEnded, HttpRequest, HttpResponse

AT = 1_700_000_000_000_000


class ScriptedConnection:
    """Says what it was given, then ends."""

    def __init__(self, frames):
        self.frames, self.sent = list(frames), []

    async def send(self, frame):
        self.sent.append(frame)

    async def ping(self):
        pass

    async def receive(self):
        if not self.frames:
            raise ConnectionEnded("the exchange closed the connection")
        return self.frames.pop(0)

    async def close(self):
        pass


class ScriptedTransport:
    """Answers by path; all connections say the same."""

    def __init__(self, answers=None, frames=()):
        self.answers, self.frames = answers or {}, frames

    async def request(self, base, request, timeout_seconds):
        return HttpResponse(*self.answers[request.path])

    async def connect(self, url, headers, max_frame_bytes, timeout_seconds):
        return ScriptedConnection(self.frames)

    async def close(self):
        pass


def lines_of(folder):
    """All lines of a recording as dicts, by kind, in the order of their files."""
    found = {}
    for file in find_files([folder]):
        with gzip.open(file.path, "rt", encoding="utf-8") as lines:
            found.setdefault(file.kind, []).extend(json.loads(line) for line in lines)
    return found


def put(writer, number, payload=b"{}", exchange="Binance", kind=Kind.WS):
    writer.put(exchange, kind, AT + number * 1_000_000, "ws", 1, "wss://there", payload)


async def through_a_connection(folder, url, frames, exchange=None):
    writer = RecordingWriter(folder)
    transport = RecordingTransport(
        ScriptedTransport(frames=frames), exchange or Kucoin(), writer, ManualClock()
    )
    connection = await transport.connect(url, {}, 2**20, 10)
    await connection.send('{"sign":"SECRET-TOKEN-1"}')
    got = [await connection.receive() for _ in frames]
    with pytest.raises(ConnectionEnded):
        await connection.receive()
    await connection.close()
    writer.close()
    return got


# --- what is written ---


async def test_connection_when_recorded_then_every_frame_passes_and_stands_in_the_file(tmp_path):
    frames = [b'{"a": 1.10}', None, '{"ü": "\\u20ac\\n"}'.encode()]
    got = await through_a_connection(tmp_path, "wss://there/feed", frames)
    found = lines_of(tmp_path)
    assert got == frames
    assert [(x["ch"], x["raw"].encode() or None, x["conn"]) for x in found[Kind.WS]] == [
        ("ws", frames[0], 1),
        ("ws_pong", None, 1),
        ("ws", frames[2], 1),
    ]
    assert [x["ch"] for x in found[Kind.SENT]] == ["ws_open", "ws_sent", "ws_end"]
    assert set(found[Kind.WS][0]) == {"t", "ch", "conn", "url", "raw"}


async def test_lines_when_they_come_at_the_same_moment_then_their_times_still_grow(tmp_path):
    await through_a_connection(tmp_path, "wss://there/feed", [b"1", b"2", b"3"])
    found = lines_of(tmp_path)
    times = sorted(x["t"] for some in found.values() for x in some)
    assert len(set(times)) == len(times) == 6
    assert [x["raw"] for x in sorted(found[Kind.WS], key=lambda x: x["t"])] == ["1", "2", "3"]
    assert found[Kind.SENT][0]["t"] < found[Kind.WS][0]["t"] < found[Kind.SENT][-1]["t"]


async def test_payload_when_it_is_no_utf_8_then_its_bytes_are_kept(tmp_path):
    payload = b"\xff\x00{" + bytes(range(256))
    await through_a_connection(tmp_path, "wss://there", [payload])
    (file,) = [file for file in find_files([tmp_path]) if file.kind is Kind.WS]
    (line,) = read_lines(file)
    assert (line.payload, line.raw) == (payload, "")


async def test_token_when_a_feed_is_opened_with_one_then_no_file_holds_it(tmp_path):
    url = "wss://there/endpoint?token=SECRET-TOKEN-1&connectId=abc123"
    await through_a_connection(tmp_path, url, [b"{}"])
    texts = "".join(json.dumps(x) for some in lines_of(tmp_path).values() for x in some)
    assert "SECRET-TOKEN-1" not in texts
    assert "abc123" not in texts
    assert "wss://there/endpoint?token=TOKEN&connectId=TOKEN" in texts


def test_address_when_it_holds_no_secret_then_it_stays():
    url = "https://there/depth?symbol=NKNUSDT&limit=1000"
    assert without_secrets(url) == (url, [])


async def test_answers_when_recorded_then_each_has_its_kind_and_the_handshake_has_none(tmp_path):
    kucoin = Kucoin()
    depth, handshake, symbols = (
        kucoin.snapshot_request("BTC-USDT"),
        kucoin.handshake_request(),
        kucoin.instruments_request(),
    )
    answers = {
        depth.path: (200, {}, b"book"),
        handshake.path: (200, {}, b"SECRET"),
        symbols.path: (200, {}, b"list"),
        "/gone": (404, {}, b"no"),
    }
    writer = RecordingWriter(tmp_path)
    transport = RecordingTransport(ScriptedTransport(answers), kucoin, writer, ManualClock())
    for request in (symbols, handshake, depth, HttpRequest("/gone")):
        await transport.request("https://there", request, 5)
    writer.close()
    found = lines_of(tmp_path)
    assert {kind: [x["raw"] for x in some] for kind, some in found.items()} == {
        Kind.SYMBOLS: ["list"],
        Kind.HTTP: ["book"],
    }
    assert found[Kind.HTTP][0]["url"] == f"https://there{depth.path}?symbol=BTC-USDT"


async def test_engine_when_an_exchange_brings_its_own_transport_then_that_is_recorded_too(tmp_path):
    clock = ManualClock()
    writer = RecordingWriter(tmp_path)
    exchanges = recorded({"Simulated": Simulated(clock=clock, seed=3)}, ScriptedTransport(), writer, clock)
    engine = FeedEngine(exchanges, Market(clock), clock, CountingIds(), transport=ScriptedTransport())
    task = asyncio.ensure_future(engine.instrument("simulated", "BTCUSDT"))
    await clock.advance(0.1)
    engine.acquire(await task)
    await clock.advance(2)
    await engine.close()
    writer.close()
    found = lines_of(tmp_path)
    assert len(found[Kind.SYMBOLS]) == 1
    assert len(found[Kind.WS]) > 15
    assert find_files([tmp_path])[0].path.name == "simulated.symbols.jsonl.gz"


def test_command_when_its_time_is_over_then_the_recording_is_whole_and_its_size_is_said(tmp_path):
    folder = tmp_path / "recording"
    asked = ["record", "btc-usdt", "--exchanges", "simulated", "--out", str(folder), "--seconds", "0"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    lines = sum(map(len, lines_of(folder).values()))
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert f"{lines} lines, {size} bytes in {folder}" in done.output


def test_command_when_a_symbol_is_unknown_then_nothing_is_left_behind(tmp_path):
    done = CliRunner().invoke(
        app, ["record", "NOPE", "--exchanges", "simulated", "--out", str(tmp_path), "--seconds", "9"]
    )
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "Simulated has no tradable symbol 'NOPE'" in done.output


# --- bounds and faults ---


def test_files_when_full_then_the_next_one_goes_on_and_the_lines_stay_in_order(tmp_path):
    writer = RecordingWriter(tmp_path, Bounds(rotate_seconds=10))
    for number in range(30):
        put(writer, number, str(number).encode())
        if number % 5 == 4:
            writer.flush()
    writer.close()
    files = find_files([tmp_path])
    assert [file.path.name for file in files] == [
        "binance.ws.jsonl.gz",
        "binance.ws.0002.jsonl.gz",
        "binance.ws.0003.jsonl.gz",
    ]
    assert [line.raw for file in files for line in read_lines(file)] == [str(n) for n in range(30)]


def test_recording_when_its_bound_is_reached_then_it_ends_and_stays_below(tmp_path):
    writer = RecordingWriter(tmp_path, Bounds(max_bytes=2_000))
    for number in range(100):
        for exchange in ("Binance", "OKX"):
            put(writer, number, sha256(f"{number}{exchange}".encode()).hexdigest().encode(), exchange)
        writer.flush()
        if writer.ended:
            break
    writer.close()
    lasts = {survey(file).last for file in find_files([tmp_path])}
    assert writer.ended == "the bound of 2000 bytes is reached"
    assert not writer.failed
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == writer.bytes_written <= 2_000
    assert max(lasts) - min(lasts) <= 1, "all files end with the same second"


def test_recording_when_the_disk_is_too_slow_then_it_fails_and_what_came_before_is_there(tmp_path):
    writer = RecordingWriter(tmp_path, Bounds(waiting_bytes=1_000))
    for number in range(50):
        put(writer, number, b"x" * 100)
    writer.close()
    (file,) = find_files([tmp_path])
    assert writer.failed
    assert "too slow" in writer.ended
    assert len(list(read_lines(file))) == writer.lines < 50


def test_recording_when_writing_fails_then_it_says_so_and_takes_no_more(tmp_path):
    folder = tmp_path / "recording"
    writer = RecordingWriter(folder)
    folder.rmdir()
    put(writer, 1)
    writer.close()
    assert writer.failed
    assert writer.ended.startswith("writing failed")


def test_file_when_its_recorder_was_killed_then_all_but_the_end_can_be_read(tmp_path):
    writer = RecordingWriter(tmp_path)
    for number in range(20):
        put(writer, number, str(number).encode())
        if number % 5 == 4:
            writer.flush()
    writer.close()
    (file,) = find_files([tmp_path])
    whole = file.path.read_bytes()
    for cut in range(1, len(whole), 7):
        file.path.write_bytes(whole[:cut])
        found = [line.raw for line in read_lines(file)]
        assert found == [str(number) for number in range(len(found))]
        assert survey(file).lines == len(found)
    assert survey(file).damage is not None


def test_folder_when_it_holds_a_recording_then_nothing_is_overwritten(tmp_path):
    writer = RecordingWriter(tmp_path)
    put(writer, 1)
    writer.close()
    with pytest.raises(TwapError, match="holds a recording already"):
        RecordingWriter(tmp_path)


def test_file_when_a_line_is_none_of_a_recording_then_its_place_is_named(tmp_path):
    path = tmp_path / "binance.ws.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"t":1,"ch":"ws"}\n{"what":1}\n'))
    (file,) = find_files([tmp_path])
    with pytest.raises(TwapError, match=r"binance\.ws\.jsonl\.gz, line 2"):
        list(read_lines(file))


def test_file_when_it_is_no_gzip_then_it_is_named(tmp_path):
    (tmp_path / "binance.http.jsonl.gz").write_bytes(b'{"t":1,"ch":"http"}\n')
    (file,) = find_files([tmp_path])
    for read in (survey, lambda file: list(read_lines(file))):
        with pytest.raises(TwapError, match=r"binance\.http\.jsonl\.gz: no recording: it is no gzip file"):
            read(file)
