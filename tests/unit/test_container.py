"""The composition root: nothing shared between programs, every adapter replaceable."""

import pytest
from prometheus_client import CollectorRegistry

from tests.fakes.auth import PlainHasher, PlainTokens
from tests.fakes.clock import ManualClock
from tests.fakes.feed import FakeFeed
from tests.fakes.ids import CountingIds
from tests.fakes.memory_store import MemoryStorage
from twap.domain.throttle import Throttle
from twap.entrypoints import metrics
from twap.entrypoints.container import Container
from twap.entrypoints.settings import Settings
from twap.plugins.bus.in_process import InProcessBus

SECRET = "s" * 32


def make_container(folder, **settings):
    chosen = {"data_dir": folder, "exchanges": "Simulated", "secret_key": SECRET, **settings}
    return Container(settings=Settings(_env_file=None, **chosen))


def test_container_when_two_are_in_one_process_then_they_share_nothing(tmp_path):
    one, other = make_container(tmp_path / "one"), make_container(tmp_path / "other", port=8001)
    mine, theirs = one.services(), other.services()
    for name in type(mine).__slots__:
        if name in ("executor_status", "wake_executor"):
            assert getattr(mine, name).__self__ is not getattr(theirs, name).__self__, name
        else:
            assert getattr(mine, name) is not getattr(theirs, name), name
    for name in ("executor", "stats", "order_feeds", "keyring"):
        assert getattr(one, name)() is not getattr(other, name)(), name
    assert (mine.settings.port, theirs.settings.port) == (8000, 8001)
    exchanges = one.exchanges(), other.exchanges()
    assert exchanges[0]["Simulated"] is not exchanges[1]["Simulated"]


def test_container_when_asked_twice_then_the_same_adapters(tmp_path):
    container = make_container(tmp_path)
    assert container.services() is container.services()
    assert container.services().storage is container.storage()
    assert container.services().metrics is container.metrics()


def test_metrics_when_two_programs_publish_in_one_process_then_neither_is_in_the_others_way(tmp_path):
    for name in ("one", "other"):
        container = make_container(tmp_path / name)
        metrics.publish(container.services(), container.stats())


@pytest.mark.parametrize(
    ("name", "fake"),
    [
        ("bus", InProcessBus()),
        ("clock", ManualClock()),
        ("feed", FakeFeed()),
        ("hasher", PlainHasher()),
        ("ids", CountingIds()),
        ("metrics", CollectorRegistry()),
        ("storage", MemoryStorage()),
        ("throttle", Throttle()),
        ("tokens", PlainTokens()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_adapter_when_overridden_then_the_program_gets_the_fake(tmp_path, name, fake):
    container = make_container(tmp_path)
    getattr(container, name).override(fake)
    assert getattr(container.services(), name) is fake
    assert getattr(make_container(tmp_path / "other").services(), name) is not fake


def test_executor_when_adapters_are_overridden_then_it_runs_on_the_fakes(tmp_path):
    container = make_container(tmp_path)
    clock, storage = ManualClock(), MemoryStorage()
    container.clock.override(clock)
    container.storage.override(storage)
    assert container.services().executor_status()["orders"] == 0
    assert not list(tmp_path.iterdir()), "a container opens nothing"
