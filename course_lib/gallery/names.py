"""What may be a person's name."""

from __future__ import annotations

import unicodedata

LONGEST = 1000  # characters
JOINERS = "\u200c\u200d"
VIRAMA = 9  # combining class of the signs that take a consonant's vowel away


def as_name(name: str) -> str:
    """A person's name as it is stored: NFC, so that what looks the same is the same.

    Zero-width joiners and non-joiners belong to a name where they change how it is written, as in Persian and in the
    scripts of India. All other invisible characters are refused, and these two elsewhere: they would make two names of
    what is read as one, or show a name in another order, or move a terminal's cursor.

    Raises:
        TypeError: it is no string.
        ValueError: it is empty, longer than ``LONGEST``, or has blanks around it or unprintable characters.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name is {name!r}; expected a string")
    composed = unicodedata.normalize("NFC", name)
    if len(composed) > LONGEST:
        raise ValueError(f"the name is {name[:20]!r}... of {len(name):,} characters; expected at most {LONGEST}")
    if not name or name != name.strip() or _unseen(composed):
        raise ValueError(f"the name is {name!r}; expected printable characters without blanks around them")
    return composed


def may_be_read(name: object) -> bool:
    """Whether a file may hold this as a name: what is unassigned here may be a letter in a later Unicode."""
    return isinstance(name, str) and name != "" and all(unicodedata.category(sign) == "Cn" for sign in _unseen(name))


def _unseen(name: str) -> list[str]:
    """The characters that cannot be seen in it, nor in what is beside them."""
    return [sign for place, sign in enumerate(name) if not sign.isprintable() and not _joins(name, place)]


def _joins(name: str, place: int) -> bool:
    """Whether the character there is a zero-width joiner or non-joiner that changes what is seen.

    Unicode allows them in identifiers (UAX 31) after an Arabic or Syriac letter, marks on it included, where they
    decide how that letter ends, and beside a virama, where they decide how its consonants are drawn.
    """
    if name[place] not in JOINERS:
        return False
    letter = place - 1
    while letter > 0 and unicodedata.category(name[letter]) == "Mn":
        letter -= 1
    after_a_joined_letter = letter >= 0 and unicodedata.bidirectional(name[letter]) == "AL"
    beside = name[max(0, place - 1) : place + 2]
    return after_a_joined_letter or any(unicodedata.combining(sign) == VIRAMA for sign in beside)
