"""A start that is not possible: one line that says why, an exit code, and no traceback."""

import asyncio
import socket
import sys

import pytest

from tests.e2e.processes import SERVE, Server


async def refused_start(folder, **settings):
    """The line on standard error of a `twap serve` that does not start."""
    environment = {**Server(None, folder, ()).environment(), "TWAP_EXCHANGES": "Binance", **settings}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *SERVE,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, error = await asyncio.wait_for(process.communicate(), 15)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = error.decode().splitlines()
    assert process.returncode not in (0, None)
    assert len(lines) == 1, f"more than one line: {lines}"
    assert "Traceback" not in told.decode()
    return lines[0]


async def test_start_when_port_in_use_then_names_it(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = await refused_start(tmp_path, TWAP_PORT=str(port))
    assert "TWAP_PORT" in line
    assert str(port) in line


@pytest.mark.parametrize("name", ["in a file", "a folder", "no database"])
async def test_start_when_database_cannot_be_used_then_names_it(tmp_path, name):
    other = tmp_path / "other"
    url = f"sqlite:///{other}"
    if name == "in a file":
        other.write_text("no folder")
        url += "/twap.sqlite3"
    elif name == "a folder":
        other.mkdir()
    else:
        other.write_text("this is no database, but text of some length " * 100)
    line = await refused_start(tmp_path, TWAP_DATABASE_URL=url)
    assert "TWAP_DATABASE_URL" in line


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TWAP_PORT", "eighty"),
        ("TWAP_ENDPOINTS", "{not json"),
        ("TWAP_SECRET_KEY", "short"),
        ("TWAP_EXCHANGES", "Binance,Nowhere"),
        ("TWAP_ENDPOINTS", '{"Binanse": {"rest": "http://127.0.0.1:1"}}'),
        ("TWAP_FEES", '{"OKEX": "0"}'),
        ("TWAP_HOST", "no.such.host.invalid"),
        ("TWAP_HOST", "203.0.113.1"),
    ],
)
async def test_start_when_a_setting_is_wrong_then_names_it(tmp_path, setting, value):
    line = await refused_start(tmp_path, **{setting: value})
    assert setting in line
    if setting == "TWAP_SECRET_KEY":
        assert value not in line.replace(setting, "")
