from decimal import Decimal as D

from twap.ports.market import Level


def test_value_when_its_fields_are_equal_then_equal_and_one_key():
    same, other = Level(D("1.10"), D(2)), Level(D("1.2"), D(2))
    assert Level(D("1.1"), D(2)) == same != other
    assert {same: "same"}[Level(D("1.1"), D(2))] == "same"
