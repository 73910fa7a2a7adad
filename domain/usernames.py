"""What a user may be called, and when two names are the same."""

import unicodedata

from twap.ports.errors import InvalidField

MIN_CHARACTERS = 3
MAX_CHARACTERS = 64
PUNCTUATION = "._-"

# Unicode calls the Hangul fillers letters, yet they show nothing.
_INVISIBLE = frozenset("\u115f\u1160")


def checked_username(text: str) -> str:
    """The name as it is kept: NFKC, without surrounding space. Raises InvalidField.

    Letters and digits of any script and `.`, `_`, `-`; look-alikes of different scripts stay different.
    """
    name = unicodedata.normalize("NFKC", text).strip()
    if not MIN_CHARACTERS <= len(name) <= MAX_CHARACTERS:
        raise InvalidField("username", f"needs {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    for character in name:
        if not (character.isalnum() or character in PUNCTUATION) or character in _INVISIBLE:
            raise InvalidField("username", f"{character!a} is no letter, digit, '.', '_' or '-'")
    return name


def username_key(text: str) -> str:
    """Equal for names that differ in case or Unicode form alone. Takes any text."""
    name = unicodedata.normalize("NFKC", text).strip()
    return unicodedata.normalize("NFKC", name.casefold())
