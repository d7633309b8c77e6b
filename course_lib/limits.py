"""How much a file may ask of this machine before it is refused; each limit is raised by an environment variable."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A limit: the environment variable that changes it, and what it is otherwise.

    Example:
        >>> Limit("COURSE_MAX_OF_AN_EXAMPLE", 10).value
        10
    """

    variable: str
    default: int

    @property
    def value(self) -> int:
        """The limit now; raises ``ValueError`` where the variable holds no whole number of at least 1."""
        chosen = os.environ.get(self.variable, "").strip()
        if not chosen:
            return self.default
        number = chosen.replace("_", "").replace(",", "")
        if not number.isdecimal() or len(number) > 18 or int(number) < 1:
            raise ValueError(f"{self.variable} is {chosen[:40]!r}; expected a whole number, such as {self.default}")
        return int(number)


MAX_PIXELS = Limit("COURSE_MAX_PIXELS", 100_000_000)
"""Of one photograph: a camera's largest. A file of a few kilobytes can announce far more."""

MAX_SIDE = Limit("COURSE_MAX_SIDE", 65_535)
"""Height and width of one photograph in pixels: a JPEG's largest."""

MAX_PASSES = Limit("COURSE_MAX_PASSES", 100)
"""Of one JPEG over its pixels: a progressive one has about ten, and a small file can announce thousands."""

DECODING_BYTES = Limit("COURSE_DECODING_BYTES", 2**30)
"""For photographs that are decoded at the same time; one that needs more is decoded alone."""

MAX_BIN_BYTES = Limit("COURSE_MAX_BIN_BYTES", 2**30)
"""What a ``.bin`` file may hold; what it uses twice counts twice, as it would take that much once it is copied."""

MODEL_BYTES = Limit("COURSE_MODEL_BYTES", 2**32)
"""For a model's file that is not trusted, beside what Python and PyTorch take; kept on Linux."""

MODEL_SECONDS = Limit("COURSE_MODEL_SECONDS", 120)
"""For a model's file that is not trusted, to be opened or to embed one batch."""

MAX_FACE_SIDE = Limit("COURSE_MAX_FACE_SIDE", 1024)
"""Height and width of the faces that a model's file may ask for; a set is made in that size before it is embedded."""
