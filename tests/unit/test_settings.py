import os
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from twap.entrypoints.settings import load_settings, unknown_variables
from twap.plugins.storage.address import parse_address
from twap.ports.errors import WrongSetting
from twap.ports.exchange import Endpoints

BINANCE = SimpleNamespace(
    name="Binance",
    endpoints=Endpoints("https://rest.example", "wss://ws.example"),
    taker_fee=Decimal("0.001"),
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No variable of ours, and no .env, but those that a test sets."""
    for name in list(os.environ):
        if name.upper().startswith("TWAP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def loaded(monkeypatch):
    """Settings from variables, given without their prefix."""

    def load(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"TWAP_{name}", value)
        return load_settings()

    return load


def test_settings_when_nothing_is_set_then_defaults_for_one_machine(loaded):
    settings = loaded()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.exchanges is None
    assert settings.secret_key is None
    assert settings.database_url == f"sqlite:///{quote(settings.data_dir.as_posix())}/twap.sqlite3"
    assert (settings.log_level, settings.log_format) == ("info", "text")
    assert settings.endpoints_of(BINANCE) == BINANCE.endpoints
    assert settings.taker_fee_of(BINANCE) == Decimal("0.001")


def test_database_when_the_data_folder_is_set_then_it_lies_there(loaded, tmp_path):
    settings = loaded(DATA_DIR=str(tmp_path))
    assert settings.data_dir == tmp_path
    assert settings.database_url == f"sqlite:///{quote(tmp_path.as_posix())}/twap.sqlite3"


@pytest.mark.parametrize(
    "url", ["sqlite://:memory:", "sqlite:///here.db", "postgresql://a:b@h:5432/n?schema=s"]
)
def test_database_when_set_then_left_as_it_is(loaded, url):
    assert loaded(DATABASE_URL=url).database_url == url


def test_database_when_the_data_folder_has_an_odd_name_then_the_storage_finds_it(loaded, tmp_path):
    folder = tmp_path / "50% off?#"
    assert str(parse_address(loaded(DATA_DIR=str(folder)).database_url)) == str(folder / "twap.sqlite3")


def test_settings_when_set_in_several_places_then_override_before_environment_before_file(loaded):
    Path(".env").write_text("TWAP_PORT=1\nTWAP_HOST=file\nTWAP_LOG_LEVEL=DEBUG\nOTHER=1\n")
    loaded(PORT="2", HOST="environment")
    settings = load_settings(port=3, host=None)
    assert (settings.port, settings.host, settings.log_level) == (3, "environment", "debug")


def test_lists_when_set_then_split_at_commas(loaded):
    settings = loaded(
        EXCHANGES="binance, Kraken,",
        CORS_ORIGINS="https://a.example/,http://b.example:81",
        TRUSTED_PROXIES="10.0.0.1, ::1",
    )
    assert settings.exchanges == ("binance", "Kraken")
    assert settings.cors_origins == ("https://a.example", "http://b.example:81")
    assert settings.trusted_proxies == ("10.0.0.1", "::1")


def test_variables_when_empty_then_as_if_not_set(loaded):
    assert loaded(PORT="", EXCHANGES="", ENDPOINTS="").port == 8000


def test_endpoints_when_set_in_any_case_then_they_replace_the_exchanges_own(loaded):
    settings = loaded(
        ENDPOINTS='{"binance": {"rest": "http://127.0.0.1:9101/", "ws": "ws://127.0.0.1:9102"}}'
    )
    assert settings.endpoints_of(BINANCE) == Endpoints("http://127.0.0.1:9101", "ws://127.0.0.1:9102")


def test_endpoints_when_one_of_two_is_set_then_the_other_stays(loaded):
    settings = loaded(ENDPOINTS='{"Binance": {"ws": "ws://127.0.0.1:9102"}}')
    assert settings.endpoints_of(BINANCE) == Endpoints("https://rest.example", "ws://127.0.0.1:9102")


@pytest.mark.parametrize("written", ['"0.000750000000000001"', "0.000750000000000001"])
def test_fees_when_set_as_text_or_number_then_exact(loaded, written):
    settings = loaded(FEES=f'{{"BINANCE": {written}}}')
    assert settings.taker_fee_of(BINANCE) == Decimal("0.000750000000000001")


WRONG = [
    ("PORT", "abc", "'abc'.*a port from 1 to 65535"),
    ("PORT", "0", "a port from 1 to 65535"),
    ("PORT", "65536", "a port from 1 to 65535"),
    ("WORKERS", "0", "a number of processes"),
    ("LOG_LEVEL", "loud", "'loud'.*debug, info, warning"),
    ("LOG_FORMAT", "xml", "text or json"),
    ("EXCHANGES", ",", "names of exchanges"),
    ("EXCHANGES", "Kraken, kraken", "named twice"),
    ("DATABASE_URL", "mysql://h/n", "sqlite:///FILE or postgres://"),
    ("DATABASE_URL", "sqlite://", "sqlite:///FILE"),
    ("DATABASE_URL", "postgres://h:port/n", "sqlite:///FILE"),
    ("ENDPOINTS", "{", "not JSON"),
    ("ENDPOINTS", "[" * 100_000, "not JSON"),
    ("ENDPOINTS", "[]", "not a JSON object"),
    ("ENDPOINTS", '{"Binance": "http://h"}', "Binance"),
    ("ENDPOINTS", '{"Binance": {"rset": "http://h"}}', "Binance rset"),
    ("ENDPOINTS", '{"Binance": {"rest": "ftp://h"}}', "Binance rest.*http:// or https://"),
    ("ENDPOINTS", '{"Binance": {"rest": "http://h/path"}}', "more than scheme, host and port"),
    ("ENDPOINTS", '{"Binance": {"rest": "http://h:99999"}}', "not a URL"),
    ("ENDPOINTS", '{"Binance": {"rest": "http://"}}', "not a URL"),
    ("ENDPOINTS", '{"Binance": {"ws": "http://h"}}', "Binance ws.*ws:// or wss://"),
    ("ENDPOINTS", '{"a\\nb": {"ws": "http://h"}}', "a b ws"),
    ("ENDPOINTS", '{"Binance": {}, "BINANCE": {}}', "named twice"),
    ("FEES", '{"Binance": "0.1"}', "Binance.*below 0.1"),
    ("FEES", '{"Binance": -0.001}', "Binance.*below 0.1"),
    ("FEES", '{"Binance": NaN}', "Binance"),
    ("FEES", '{"Binance": "٠.٠"}', "Binance"),
    ("FEES", '{"Binance": null}', "Binance"),
    ("STALE_AFTER_SECONDS", "0", "seconds above 0"),
    ("STALE_AFTER_SECONDS", "inf", "seconds above 0"),
    ("SHARE_LIQUIDITY", "perhaps", "true or false"),
    ("CORS_ORIGINS", "example.org", "origins such as"),
    ("TRUSTED_PROXIES", "proxy", "IP addresses"),
    ("MAX_BODY_BYTES", "-1", "bytes"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG, ids=lambda part: ascii(part)[:40])
def test_settings_when_one_is_wrong_then_one_line_names_it_and_what_is_right(loaded, name, value, said):
    with pytest.raises(WrongSetting, match=f"^TWAP_{name}\\b.*{said}") as wrong:
        loaded(**{name: value})
    assert "\n" not in str(wrong.value)
    assert len(str(wrong.value)) < 300


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://ann:hunter2@h/n"),
        ("DATABASE_URL", "postgres://ann:hunter2@[h/n"),
        ("ENDPOINTS", '{"Binance": {"rest": "http://ann:hunter2@h"}}'),
        ("ENDPOINTS", '{"Binance": "http://ann:hunter2@h"}'),
        ("ENDPOINTS", "http://ann:hunter2@h"),
    ],
)
def test_settings_when_a_wrong_one_holds_a_secret_then_it_is_not_repeated(loaded, name, value):
    with pytest.raises(WrongSetting, match=name) as wrong:
        loaded(**{name: value})
    assert "hunter2" not in str(wrong.value)
    assert wrong.value.__suppress_context__


def test_settings_when_shown_then_without_secrets(loaded):
    settings = loaded(SECRET_KEY="hunter2" * 8, DATABASE_URL="postgres://ann:hunter2@h/n")
    assert "hunter2" not in repr(settings)
    assert settings.secret_key.get_secret_value() == "hunter2" * 8


def test_file_when_it_is_no_text_then_it_is_named():
    Path(".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WrongSetting, match=r"\.env"):
        load_settings()


def test_variables_when_unknown_then_they_can_be_warned_of():
    Path(".env").write_text("TWAP_PROT=1\nTWAP_PORT=1\nELSE=1\n")
    assert unknown_variables({"TWAP_HOTS": "", "twap_host": "", "HOME": ""}) == ["TWAP_HOTS", "TWAP_PROT"]
