"""Who served a database before: told only where it is certain that it runs no more."""

import pytest

from twap.entrypoints.predecessor import serving


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/twap.sqlite3"


def test_predecessor_when_none_then_nobody(url):
    with serving(url, "first") as predecessor:
        assert predecessor is None


def test_predecessor_when_gone_then_named(url):
    with serving(url, "a longer name of the first"):
        pass
    with serving(url, "second") as predecessor:
        assert predecessor == "a longer name of the first"
    with serving(url, "third") as predecessor:
        assert predecessor == "second"


def test_predecessor_when_it_still_serves_then_not_named_and_not_forgotten(url):
    with serving(url, "first"), serving(url, "second") as predecessor:
        assert predecessor is None
    with serving(url, "third") as predecessor:
        assert predecessor == "first"


@pytest.mark.parametrize("address", ["sqlite://:memory:", "postgresql://127.0.0.1/twap"])
def test_predecessor_when_database_is_no_file_then_nobody(address):
    with serving(address, "first") as predecessor:
        assert predecessor is None
