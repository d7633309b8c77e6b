"""Names of files, whatever they are made of, on a console, whatever it can print."""

from __future__ import annotations

import sys
from collections.abc import Sequence

NAMED_AT_MOST = 5
JOINERS = "\u200c\u200d"  # of Persian and of Indic spelling: they print as nothing, and make a name what it is


def print_anything() -> None:
    """From now on a character that the console's code page lacks is printed as its number, and ends no program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a notebook or a test has put something else in its place
            stream.reconfigure(errors="backslashreplace")


def shown(name: str) -> str:
    r"""A name as it may be printed: what is no visible character stands as its number, such as ``\n`` or ``\udce9``.

    A byte that is no UTF-8 would end the program, and a control character could rewrite what the console shows.
    """
    return "".join(c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in name)


def listed(names: Sequence[str], at_most: int = NAMED_AT_MOST) -> str:
    """The first names as ``shown``, and how many more there are."""
    more = len(names) - at_most
    return ", ".join(map(shown, names[:at_most])) + (f" and {more:,} more" if more > 0 else "")
