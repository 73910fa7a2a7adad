import stat

import pytest

from twap.entrypoints.cli.connection import FileKeeper, signed_client
from twap.entrypoints.client import Tokens
from twap.ports.errors import TwapError

HERE, THERE = "http://127.0.0.1:8000", "http://127.0.0.1:9000"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config" / "logins.json"


def test_keeper_when_tokens_are_saved_then_another_process_reads_them(file):
    FileKeeper(HERE, file).save(Tokens("access", "refresh", 1e9))
    assert FileKeeper(HERE + "/", file).load() == Tokens("access", "refresh", 1e9)
    assert FileKeeper(THERE, file).load() is None


def test_keeper_when_tokens_are_saved_then_others_can_not_read_the_file(file):
    FileKeeper(HERE, file).save(Tokens("access"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_keeper_when_a_login_ends_then_those_at_other_servers_stay(file):
    FileKeeper(HERE, file).save(Tokens("here"))
    FileKeeper(THERE, file).save(Tokens("there"))
    FileKeeper(HERE, file).save(None)
    assert FileKeeper(HERE, file).load() is None
    assert FileKeeper(THERE, file).load() == Tokens("there")


def test_keeper_when_the_file_is_damaged_then_it_says_so(file):
    file.parent.mkdir()
    file.write_text("{")
    with pytest.raises(TwapError, match=r"logins.json can't be read.*log in anew"):
        FileKeeper(HERE, file).load()


def test_tokens_when_shown_then_no_secret_is_in_it():
    assert "secret" not in repr(Tokens("secret access", "secret refresh"))


def test_signed_client_when_there_is_no_login_then_it_says_how(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TWAP_TOKEN", raising=False)
    with pytest.raises(TwapError, match="twap login NAME"):
        signed_client(HERE)
