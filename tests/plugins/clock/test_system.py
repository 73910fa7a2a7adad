import time
from datetime import timedelta

from hypothesis import given
from hypothesis.strategies import floats, lists, tuples

from tests.fakes.clock import NOON
from twap.plugins.clock.system import SystemClock, seconds_since_boot


class RawClocks:
    def __init__(self):
        self.wall, self.elapsed = NOON.timestamp(), 1000.0
        self.clock = SystemClock(lambda: self.wall, lambda: self.elapsed)

    def pass_time(self, seconds):
        self.wall += seconds
        self.elapsed += seconds


def test_now_when_time_passes_then_it_advances_by_it():
    raw = RawClocks()
    assert raw.clock.now() == NOON
    raw.pass_time(3.5)
    assert raw.clock.now() == NOON + timedelta(seconds=3.5)
    assert raw.clock.monotonic() == 1003.5


def test_now_when_the_wall_clock_is_stepped_then_it_follows_by_a_hundredth_of_the_time_that_passes():
    for step in (3600, -3600):
        raw = RawClocks()
        raw.wall += step
        assert raw.clock.now() == NOON
        raw.pass_time(100)
        drawn = 1 if step > 0 else -1
        assert raw.clock.now() == NOON + timedelta(seconds=100 + drawn)


def test_now_when_the_step_was_small_then_it_is_made_up_for_and_no_more():
    raw = RawClocks()
    raw.wall += 0.5
    raw.pass_time(100)
    assert raw.clock.now() == NOON + timedelta(seconds=100.5)
    raw.pass_time(100)
    assert raw.clock.now() == NOON + timedelta(seconds=200.5)


def test_now_when_the_machine_slept_then_its_sleep_counts():
    raw = RawClocks()
    raw.pass_time(8 * 3600)
    assert raw.clock.now() == NOON + timedelta(hours=8)


@given(
    moves=lists(tuples(floats(0, 1e4), floats(-1e5, 1e5)), max_size=20),
)
def test_now_when_the_wall_clock_jumps_about_then_never_backwards_nor_more_than_a_hundredth_off(moves):
    raw = RawClocks()
    before = raw.clock.now()
    for passed, step in moves:
        raw.pass_time(passed)
        raw.wall += step
        now = raw.clock.now()
        assert now >= before
        assert abs((now - before).total_seconds() - passed) <= passed * 0.01 + 1e-5
        before = now


def test_now_when_read_from_the_real_clocks_then_near_the_wall_clock():
    assert abs(SystemClock().now().timestamp() - time.time()) < 1
    assert seconds_since_boot() <= seconds_since_boot()


async def test_sleep_when_asked_for_then_so_much_time_has_passed():
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() - before >= 0.0009
