import json
import os
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from twap.entrypoints.cli.app import app
from twap.plugins.auth.keyring import load_keyring

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No command may touch the folders, settings or server of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TWAP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TWAP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TWAP_URL", "http://127.0.0.1:9")


def twap(*arguments, stdin=None):
    return CliRunner().invoke(app, list(arguments), input=stdin)


def all_commands(command=None, path=()):
    command = command or get_command(app)
    inner = getattr(command, "commands", {})
    if not inner:
        return [path]
    return [path, *(found for name, each in inner.items() for found in all_commands(each, (*path, name)))]


def create(name, *options):
    result = twap("user", "create", name, "--password-stdin", *options, stdin=f"{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("path", all_commands(), ids=" ".join)
def test_help_of_every_command_when_asked_then_it_has_an_example(path):
    result = twap(*path, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output


def test_version_when_asked_then_it_is_named():
    assert twap("--version").output.startswith("twap 0.")


def test_help_when_asked_then_nothing_heavy_is_imported():
    heavy = "aiohttp, quart, tortoise, pydantic, msgspec, rich.console, streamlit"
    code = (
        "import sys; from twap.entrypoints.cli import app as command_line;"
        "from typer.main import get_command; get_command(command_line.app);"
        f"print([name for name in {heavy!r}.split(', ') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_exchanges_when_listed_as_json_then_the_simulated_one_is_not_among_them():
    names = json.loads(twap("exchanges", "--json").stdout)["exchanges"]
    assert "Binance" in names
    assert "Simulated" not in names


def test_symbols_when_listed_with_details_then_digits_are_exact():
    result = twap("symbols", "SIMULATED", "--details", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout, parse_float=str)["symbols"]
    bitcoin = next(each for each in found if each["symbol"] == "BTCUSDT")
    assert (bitcoin["tick_size"], bitcoin["lot_size"]) == ("0.01", "0.00001")


def test_symbols_when_no_plugin_has_the_name_then_one_line_and_exit_1():
    result = twap("symbols", "nosuch")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "no plugin gives 'nosuch'" in result.stderr
    assert "TWAP_EXCHANGES" not in result.stderr


def test_klines_when_a_range_is_given_then_its_candles_come_in_order():
    span = ("--start", "2025-02-01", "--end", "2025-02-01T06:00:00Z")
    result = twap("klines", "simulated", "btc-usdt", "--interval", "1h", *span, "--json")
    assert result.exit_code == 0, result.output
    klines = json.loads(result.stdout)["klines"]
    assert list(klines) == [f"2025-02-01T0{hour}:00:00Z" for hour in range(6)]
    assert list(klines["2025-02-01T00:00:00Z"]) == ["Open", "High", "Low", "Close", "Volume"]


def test_klines_when_the_interval_is_unknown_then_the_supported_ones_are_named():
    result = twap("klines", "simulated", "BTCUSDT", "--interval", "7m")
    assert result.exit_code == 1
    assert "supported: 1m, 5m" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("klines", "simulated", "BTCUSDT", "--start", "yesterday"),
        ("klines", "simulated", "BTCUSDT", "--start", "2025-02-02", "--end", "2025-02-01"),
        ("symbols",),
        ("order", "submit", "BTCUSDT", "buy"),
        ("nosuch",),
    ],
)
def test_command_when_used_wrongly_then_exit_2(arguments):
    result = twap(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_order_list_when_nobody_is_logged_in_then_it_says_how():
    result = twap("order", "list")
    assert result.exit_code == 1
    assert "twap login NAME" in result.stderr


def test_order_list_when_no_server_answers_then_one_line_and_exit_1(monkeypatch):
    monkeypatch.setenv("TWAP_TOKEN", "some token")
    result = twap("order", "list")
    assert result.exit_code == 1
    assert result.stderr == (
        "twap: no server answers at http://127.0.0.1:9: Connection refused; start one with: twap serve\n"
    )


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:99999", "http://"])
@pytest.mark.parametrize("command", [("order", "list"), ("book", "BTCUSDT", "--exchanges", "simulated")])
def test_command_when_the_url_is_none_then_it_says_what_one_looks_like(monkeypatch, url, command):
    monkeypatch.setenv("TWAP_TOKEN", "some token")
    result = twap(*command, "--url", url)
    assert result.exit_code == 1
    assert "that is no address of a server; addresses are like http://127.0.0.1:8000" in result.stderr
    assert "twap serve" not in result.stderr


def test_backtest_when_a_file_is_not_there_then_it_is_named_in_words():
    result = twap("backtest", "order.json", "recording")
    assert result.exit_code == 1
    assert result.stderr == "twap: order.json: No such file or directory\n"


def test_serve_when_the_host_is_not_of_this_machine_then_the_host_is_named():
    result = twap("serve", "--host", "203.0.113.5", "--exchanges", "simulated")
    assert result.exit_code == 1
    assert result.stderr == "twap: TWAP_HOST: '203.0.113.5' is no address of this machine\n"


def test_serve_when_a_setting_is_wrong_then_it_is_named():
    result = twap("serve", "--port", "70000")
    assert result.exit_code == 1
    assert "TWAP_PORT" in result.stderr
    assert result.stderr.count("\n") == 1


def test_serve_when_endpoints_given_as_a_flag_are_wrong_then_they_are_named():
    result = twap("serve", "--endpoints", '{"Binance": {"rest": "ftp://127.0.0.1"}}')
    assert result.exit_code == 1
    assert "TWAP_ENDPOINTS (Binance rest)" in result.output


def test_dashboard_when_it_is_not_installed_then_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("twap.entrypoints.cli.server.DASHBOARD", "twap.entrypoints.no_such_module")
    result = twap("dashboard")
    assert result.exit_code == 1
    assert "twap-trading-api[dashboard]" in result.stderr


def test_user_create_when_given_a_password_then_the_user_is_listed_with_the_role():
    create("root", "--admin")
    create("alice")
    users = json.loads(twap("user", "list", "--json").stdout)["users"]
    assert [(each["username"], each["role"]) for each in users] == [("alice", "user"), ("root", "admin")]


def test_user_create_when_the_name_is_taken_then_exit_1():
    create("alice")
    result = twap("user", "create", "Alice", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert result.exit_code == 1
    assert result.stderr == "twap: Username already exists\n"


def test_user_create_when_the_password_is_short_then_it_is_not_repeated():
    result = twap("user", "create", "alice", "--password-stdin", stdin="hunter2\n")
    assert result.exit_code == 1
    assert "8 to 128 characters" in result.stderr
    assert "hunter2" not in result.output


def test_user_create_when_there_is_no_terminal_then_it_names_the_other_way():
    result = twap("user", "create", "alice", stdin="")
    assert result.exit_code == 1
    assert "--password-stdin" in result.stderr


def test_user_delete_when_confirmed_then_the_user_is_gone():
    create("alice")
    assert twap("user", "delete", "alice", stdin="n\n").exit_code == 1
    assert twap("user", "delete", "ALICE", "--yes").exit_code == 0
    assert json.loads(twap("user", "list", "--json").stdout)["users"] == []
    assert twap("user", "delete", "alice", "--yes").exit_code == 1


def test_user_passwd_when_there_is_no_such_user_then_exit_1():
    result = twap("user", "passwd", "nobody", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert result.exit_code == 1
    assert result.stderr == "twap: there is no user 'nobody'\n"


def test_migrate_when_run_twice_then_it_is_up_to_date_both_times():
    for _ in range(2):
        assert twap("migrate").output == "the database is up to date\n"


def test_order_verify_when_there_is_no_such_order_then_exit_1():
    twap("migrate")
    result = twap("order", "verify", "nosuch")
    assert result.exit_code == 1
    assert "no order 'nosuch'" in result.stderr


def test_keys_rotate_when_run_then_a_new_key_signs_and_the_old_one_stays(tmp_path):
    before = load_keyring(None, tmp_path / "data")
    assert twap("keys", "rotate").exit_code == 0
    after = load_keyring(None, tmp_path / "data")
    assert list(after.keys)[:-1] == list(before.keys)
    assert after.signing_id != before.signing_id


def test_keys_rotate_when_the_key_is_a_setting_then_refused(monkeypatch):
    monkeypatch.setenv("TWAP_SECRET_KEY", "x" * 40)
    result = twap("keys", "rotate")
    assert result.exit_code == 1
    assert "TWAP_SECRET_KEY" in result.output
