"""The search for secrets finds them."""

import pytest

from tests import leaks

SECRET = "a secret of this file alone"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("request Authorization=Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "a token"),
        ('refresh_token=["refresh", "0190", 1]', "a token of the fakes"),
        ('token="[\\"access\\", \\"0190\\"]"', "a token of the fakes"),
        ("user hash=$argon2id$v=19$m=65536", "a password hash"),
        (f"login password='{SECRET}'", "a password"),
        (f"key {'ab' * 32}", "a signing key"),
    ],
)
def test_leaks_when_a_secret_was_written_then_found_and_not_repeated(text, what):
    (found,) = leaks.leaks([("server.log", text)], keys={"ab" * 32})
    assert found == f"{what} in server.log"


def test_leaks_when_ordinary_events_were_written_then_nothing():
    lines = (
        "info request method=POST path=/login status=200 ms=69.65 request_id=01a20bc8c710748b88033d5403464c12"
    )
    assert list(leaks.leaks([("server.log", lines)])) == []


def test_log_files_when_servers_left_some_then_each_is_read(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "server.log").write_text("hello")
    (tmp_path / "other.txt").write_text("not a log")
    assert leaks.log_files(tmp_path) == [("server.log", "hello")]


def test_passwords_when_tests_have_some_then_collected():
    assert SECRET in leaks.passwords()
