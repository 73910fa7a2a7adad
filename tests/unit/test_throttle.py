import pytest

from twap.domain.throttle import RateLimit, Throttle, network_of
from twap.ports.errors import Throttled


def refused(limit, *key, now):
    """The wait in seconds; None where it was admitted."""
    try:
        limit.admit(*key, now)
    except Throttled as error:
        return error.retry_after_seconds
    return None


def test_rate_limit_when_the_window_is_full_then_refused_until_the_oldest_slides_out():
    limit = RateLimit(allowed=2, window_seconds=10)
    assert refused(limit, "a", now=0) is None
    assert refused(limit, "a", now=4) is None
    assert refused(limit, "a", now=5) == 5
    assert refused(limit, "b", now=5) is None
    assert refused(limit, "a", now=10) is None
    assert refused(limit, "a", now=10) == 4


def test_rate_limit_when_gone_beyond_again_and_again_then_penalties_double_up_to_a_bound():
    limit = RateLimit(allowed=1, window_seconds=1, penalty_seconds=100)
    now, waits = 0, []
    for _ in range(6):
        assert refused(limit, "a", now=now) is None
        waits.append(refused(limit, "a", now=now))
        now += waits[-1]
    assert waits == [100, 200, 400, 800, 900, 900]


def test_rate_limit_when_at_rest_for_a_window_then_penalties_begin_anew():
    limit = RateLimit(allowed=1, window_seconds=50, penalty_seconds=100)
    limit.admit("a", 0)
    assert refused(limit, "a", now=0) == 100
    limit.admit("a", 151)
    assert refused(limit, "a", now=151) == 100


def test_rate_limit_when_the_refused_insist_then_their_wait_does_not_grow():
    limit = RateLimit(allowed=1, window_seconds=10, penalty_seconds=100)
    limit.admit("a", 0)
    assert [refused(limit, "a", now=now) for now in (0, 1, 2, 99)] == [100, 99, 98, 1]


def test_rate_limit_when_many_keys_come_then_only_the_latest_are_remembered():
    limit = RateLimit(allowed=5, window_seconds=10, max_keys=100)
    for number in range(1000):
        limit.admit(number, 0)
    assert len(limit) == 100


def wait(throttle, account, address, now=0):
    """In seconds; None where an attempt is allowed."""
    try:
        throttle.check(account, address, now)
    except Throttled as error:
        return error.retry_after_seconds
    return None


def test_throttle_when_one_address_guesses_an_account_then_only_that_pair_waits():
    throttle = Throttle(account_attempts=3, address_attempts=50)
    for now in range(3):
        assert wait(throttle, "ann", "10.0.0.1", now) is None
        throttle.failed("ann", "10.0.0.1", now)
    assert wait(throttle, "ann", "10.0.0.1", now=3) == 297
    assert wait(throttle, "ann", "10.0.0.2", now=3) is None
    assert wait(throttle, "bob", "10.0.0.1", now=3) is None


def test_throttle_when_the_owner_comes_in_then_failures_on_the_account_are_forgotten():
    throttle = Throttle(account_attempts=3, address_attempts=50)
    for _ in range(5):
        for _ in range(2):
            throttle.failed("ann", "10.0.0.1", 0)
        assert wait(throttle, "ann", "10.0.0.1") is None
        throttle.succeeded("ann", "10.0.0.1")


def test_throttle_when_one_address_tries_many_names_then_it_waits():
    throttle = Throttle(account_attempts=3, address_attempts=5)
    for number in range(5):
        throttle.failed(f"user{number}", "10.0.0.1", 0)
    assert wait(throttle, "another", "10.0.0.1") == 300


def test_throttle_when_many_addresses_guess_an_account_then_strangers_wait_but_not_its_owner():
    throttle = Throttle(account_attempts=3, spread=2)
    throttle.succeeded("ann", "10.0.0.1")
    for number in range(6):
        throttle.failed("ann", f"10.0.1.{number}", 0)
    assert wait(throttle, "ann", "10.0.2.1") == 300
    assert wait(throttle, "ann", "10.0.0.1") is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix socket", "unix socket"),
    ],
)
def test_network_when_of_an_address_then_what_one_customer_holds(address, network):
    assert network_of(address) == network
