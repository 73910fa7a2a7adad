import pytest
from hypothesis import given
from hypothesis.strategies import text

from twap.domain.usernames import checked_username, username_key
from twap.ports.errors import InvalidField


@pytest.mark.parametrize("name", ["ann", "Ann.B_c-9", "josé", "Анна", "李小龙", "x" * 64])
def test_name_when_of_letters_digits_and_marks_then_kept(name):
    assert checked_username(name) == name


@pytest.mark.parametrize(
    ("typed", "kept"), [(" ann\n", "ann"), ("jose\u0301", "jos\u00e9"), ("ａｎｎ", "ann")]
)
def test_name_when_in_another_unicode_form_or_with_space_around_then_kept_in_one_form(typed, kept):
    assert checked_username(typed) == kept


INVALID = ["", "ab", "  ab  ", "x" * 65, "a b c", "ann@home", "<b>ann</b>", "ann\x00x", "ann\u200bx"]
INVALID += ["ann\u202ex", "ann\ud800", "\u3164\u3164\u3164", "\u115f\u1160ann"]


@pytest.mark.parametrize("name", INVALID, ids=ascii)
def test_name_when_short_long_or_of_other_characters_then_refused_in_printable_text(name):
    with pytest.raises(InvalidField) as refused:
        checked_username(name)
    assert refused.value.field == "username"
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("one", "other"), [("Ann", "aNN"), ("jose\u0301", "JOSÉ"), ("straße", "STRASSE"), ("ﬁnn", "FINN")]
)
def test_key_when_names_differ_in_case_or_form_alone_then_the_same(one, other):
    assert username_key(one) == username_key(other)


@given(text())
def test_key_when_of_any_text_then_stable_under_case_and_form(name):
    assert username_key(username_key(name)) == username_key(name)


@given(text(min_size=3, max_size=64))
def test_key_when_of_a_valid_name_then_of_bounded_length(name):
    try:
        key = username_key(checked_username(name))
    except InvalidField:
        return
    assert 3 <= len(key) <= 3 * 64
