import json
import logging
import re

import pytest
import structlog

from twap.entrypoints import logs
from twap.entrypoints.log_writer import BackgroundHandler

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def restored_logging():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    levels = {name: logging.getLogger(name).level for name in logs.CHATTY}
    yield
    root.handlers, _ = handlers, root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.fixture
def lines(capsys):
    """The lines on standard error; nothing may be on standard output."""

    def read():
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()

    return read


def test_log_when_json_then_one_object_a_line_with_time_and_level(lines):
    logs.configure("info", "json")
    structlog.get_logger("twap.feed").warning("gap", symbol="BTCUSDT", missed=3)
    logging.getLogger("hypercorn.error").info("running on %s", "port 1")
    ours, theirs = map(json.loads, lines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", ours.pop("timestamp"))
    assert ours == {
        "event": "gap",
        "level": "warning",
        "logger": "twap.feed",
        "symbol": "BTCUSDT",
        "missed": 3,
    }
    assert (theirs["event"], theirs["level"]) == ("running on port 1", "info")


def test_log_when_text_then_one_line_of_key_and_value(lines):
    logs.configure("INFO", "text")
    structlog.get_logger("twap.feed").info("feed open", exchange="Binance", reason="asked for")
    (line,) = lines()
    assert line.endswith('Z info     feed open exchange=Binance reason="asked for" logger=twap.feed')


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_when_text_holds_line_ends_or_an_exception_then_still_one_printable_line(lines, form):
    logs.configure("info", form)
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        structlog.get_logger().exception("a\nb\x1b[31m", **{"key\n": "c\rd\u2028e"})
    (line,) = lines()
    assert line.isprintable()
    assert "second" in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_when_values_are_secret_then_masked_at_any_depth(lines, form):
    logs.configure("info", form)
    structlog.get_logger().info(
        f"came with {JWT}",
        password="hunter2",
        headers={"Authorization": "Basic hunter2", "Set-Cookie": "hunter2", "Host": "h"},
        bodies=[{"refresh_token": "hunter2"}, "Bearer hunter2"],
        database_url="postgres://ann:hunter2@db/twap",
        error=ValueError("can't reach postgres://ann:hunter2@db/twap"),
        user="ann",
    )
    logging.getLogger("tortoise").warning("postgres://ann:%s@db", "hunter2", extra={"secret_key": "hunter2"})
    text = "\n".join(lines())
    assert "hunter2" not in text
    assert JWT not in text
    assert "postgres://ann:***@db/twap" in text
    assert "***" in text


def test_log_when_below_the_level_then_left_out(lines):
    logs.configure("warning", "text")
    structlog.get_logger().info("quiet")
    logging.getLogger("else").info("quiet")
    assert lines() == []


def test_log_when_debugging_then_libraries_that_show_values_of_queries_stay_quiet(lines):
    logs.configure("debug", "text")
    structlog.get_logger().debug("ours")
    logging.getLogger("tortoise.db_client").debug("INSERT ... plain:hunter2")
    assert [line.split()[2] for line in lines()] == ["ours"]


def test_configure_when_called_again_then_the_last_call_counts(lines):
    logs.configure("info", "text")
    logs.configure("info", "json")
    structlog.get_logger().info("once")
    assert [json.loads(line)["event"] for line in lines()] == ["once"]


def test_log_when_standard_error_is_a_file_then_written_behind_the_back_of_who_logs(tmp_path, monkeypatch):
    path = tmp_path / "log"
    with path.open("w") as file:
        monkeypatch.setattr("sys.stderr", file)
        logs.configure("info", "text")
        structlog.get_logger().info("once")
        (handler,) = logging.getLogger().handlers
        assert isinstance(handler, BackgroundHandler)
        handler.flush()
    assert "once" in path.read_text()


def test_log_when_there_is_no_standard_error_then_nobody_is_disturbed(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    logs.configure("info", "text")
    structlog.get_logger().info("unheard")
