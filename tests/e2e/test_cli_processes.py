"""The program as its users start it: real processes on loopback."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.e2e
# Where the tests run in the background, a shell has made all children deaf to SIGINT.
TWAP = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from twap.entrypoints.cli import main; main()",
)
PASSWORD = "correct horse battery\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def environment(tmp_path):
    """Nothing of whoever runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TWAP_DATA_DIR": str(tmp_path / "data"),
        "TMPDIR": str(tmp_path),
    }


@pytest.fixture
def twap(environment, tmp_path):
    def run(*arguments, stdin="", seconds=55):
        return subprocess.run(
            [*TWAP, *arguments],
            input=stdin,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    return run


@pytest.fixture
def server(environment, tmp_path):
    """Address of a server with the simulated market; it must end cleanly on SIGINT."""
    port = free_port()
    process = subprocess.Popen(
        [*TWAP, "serve", "--port", str(port), "--exchanges", "simulated"],
        env=environment,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = iter(process.stderr.readline, "")
    assert any("serving" in line for line in lines), "the server did not start"
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=15)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def test_demo_when_told_to_exit_then_it_reports_and_ends_with_0(twap, tmp_path):
    began = time.monotonic()
    port = str(free_port())
    done = twap("demo", "--exchanges", "simulated", "--exit", "--seconds", "3", "--port", port)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 50
    assert done.stderr == ""
    assert "the simulated market serves" in done.stdout
    assert re.search(r"executed +0\.3 in \d+ fills \(100 %\)", done.stdout), done.stdout
    for title in ("arrival mid", "TWAP mid", "slippage against arrival", "fees", "missed slices", "share"):
        assert title in done.stdout
    assert not list(tmp_path.glob("twap-demo-*")), "the throw-away folder was left behind"


def test_demo_when_its_output_is_no_terminal_then_it_ends_after_the_report(twap):
    done = twap("demo", "--exchanges", "simulated", "--seconds", "2", "--port", str(free_port()))
    assert done.returncode == 0, done.stderr
    assert "Ctrl-C ends the server" not in done.stdout


def test_demo_when_its_reader_has_enough_then_it_ends_without_a_word(environment, tmp_path):
    process = subprocess.Popen(
        [*TWAP, "demo", "--exchanges", "simulated", "--port", str(free_port())],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("serving on")
    process.stdout.close()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def test_serve_when_the_port_is_taken_then_one_line_and_exit_1(twap):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = twap("serve", "--port", str(port), "--exchanges", "simulated")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"TWAP_PORT: can't listen on 127.0.0.1:{port}" in done.stderr


def test_serve_when_a_plugin_fails_or_a_setting_names_one_that_is_not_enabled_then_the_log_says_so(
    environment, tmp_path
):
    (tmp_path / "acme.py").write_text("raise RuntimeError('no luck')")
    installed = tmp_path / "acme-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[twap.exchanges]\nacme = acme\n")
    process = subprocess.Popen(
        [*TWAP, "serve", "--port", str(free_port()), "--exchanges", "acme,simulated"],
        env={**environment, "PYTHONPATH": str(tmp_path), "TWAP_FEES": '{"Binance": "0.001"}'},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(process.stderr.readline, "")
        failed, unmatched = [line for _, line in zip(range(3), lines, strict=False) if "warning" in line]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    assert "plugin=acme" in failed
    assert "RuntimeError: no luck" in failed
    assert "exchange=Binance" in unmatched


def test_order_when_submitted_and_watched_then_its_fills_follow_from_the_looks(twap, server):
    at = ("--url", server)
    assert twap("login", "alice", "--register", "--password-stdin", *at, stdin=PASSWORD).returncode == 0
    terms = ("--limit", "200000", "--duration", "2", "--exchanges", "simulated")
    submitted = twap("order", "submit", "BTCUSDT", "buy", "0.02", *terms, "--json", *at)
    assert submitted.returncode == 0, submitted.stderr
    order_id = re.search(r'"order_id": "(\w+)"', submitted.stdout)[1]
    watched = twap("order", "watch", order_id, *at)
    assert watched.stdout.splitlines()[-1].startswith("BTCUSDT buy completed slice 2/2  100 %")
    assert order_id in twap("order", "list", *at).stdout
    assert "Levels as they were considered" in twap("order", "explain", order_id, "--slice", "1", *at).stdout
    verified = twap("order", "verify", order_id)
    assert verified.returncode == 0, verified.stdout
    assert ": 2 slices, every digit follows" in verified.stdout
    assert "as it was" in twap("order", "whatif", order_id).stdout


def test_book_when_interrupted_then_it_leaves_cleanly(environment, server):
    process = subprocess.Popen(
        [*TWAP, "book", "BTCUSDT", "--depth", "1", "--json", "--url", server],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert '"order_book_update"' in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert (process.returncode, errors) == (0, "")
