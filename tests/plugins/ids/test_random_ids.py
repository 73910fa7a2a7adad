import re
from uuid import UUID

from twap.plugins.ids.random_ids import RandomIds


def test_new_when_called_often_then_all_differ_and_later_ones_sort_higher():
    ids = RandomIds()
    given = [ids.new() for _ in range(5000)]
    assert given == sorted(set(given))
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in given)


def test_new_when_the_wall_clock_goes_back_then_ids_still_grow():
    times = iter([1000, 1000, 5, 1001])
    ids = RandomIds(lambda: next(times))
    given = [ids.new() for _ in range(4)]
    assert given == sorted(set(given))


def test_new_when_read_as_a_uuid_then_version_7_with_the_time_in_front():
    identifier = UUID(RandomIds(lambda: 0x0123_4567_89AB).new())
    assert (identifier.version, identifier.variant) == (7, "specified in RFC 4122")
    assert identifier.hex.startswith("0123456789ab7")


def test_new_when_two_makers_share_the_time_then_their_ids_differ():
    assert RandomIds(lambda: 1).new() != RandomIds(lambda: 1).new()


def test_uniform_when_drawn_then_from_0_to_below_1_and_not_constant():
    ids = RandomIds()
    drawn = {ids.uniform() for _ in range(100)}
    assert len(drawn) > 90
    assert all(0 <= share < 1 for share in drawn)
