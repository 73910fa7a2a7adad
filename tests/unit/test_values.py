from decimal import Decimal as D

from twap.ports.market import Level, canonical_symbol


def test_value_when_its_fields_are_equal_then_equal_and_one_key():
    same, other = Level(D("1.10"), D(2)), Level(D("1.2"), D(2))
    assert Level(D("1.1"), D(2)) == same != other
    assert {same: "same"}[Level(D("1.1"), D(2))] == "same"


def test_canonical_symbol_when_a_letter_only_looks_like_another_then_it_is_no_other_symbol():
    assert {canonical_symbol(each) for each in ("BTC-USDT", "BTC/USDT", "btc_usdt")} == {"BTCUSDT"}
    assert canonical_symbol("btcuſdt") != "BTCUSDT"
