"""Who agreed to be enrolled, to what, and for how long."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class Consent:
    """An agreement to be enrolled; it is stored with the templates it was given for.

    Attributes:
        by: who agreed: the person, or who may do so for them, such as a parent.
        purpose: to what, in words that the person would recognise.
        date: when.
        until: the last day on which the templates may be used; None sets no end.

    Raises:
        TypeError: a date is no ``datetime.date``, or a text no string.
        ValueError: a text is empty, or ``until`` lies before ``date``.
    """

    by: str
    purpose: str
    date: datetime.date
    until: datetime.date | None = None

    def __post_init__(self) -> None:
        for name, text in (("by", self.by), ("purpose", self.purpose)):
            if not isinstance(text, str):
                raise TypeError(f"consent: {name} is {text!r}; expected a string")
            if not text.strip():
                raise ValueError(f"consent: {name} is {text!r}; expected who agreed, and to what")
        for name, day in (("date", self.date), ("until", self.until)):
            # A datetime is a date as well, but would come back from the file as another one.
            if (day is not None or name == "date") and type(day) is not datetime.date:
                raise TypeError(f"consent: {name} is {day!r}; expected a date, such as datetime.date(2026, 3, 31)")
        if self.until is not None and self.until < self.date:
            raise ValueError(f"consent: until is {self.until}, before its date, {self.date}")

    def has_ended(self) -> bool:
        """Whether its last day is over."""
        return self.until is not None and self.until < today()


def today() -> datetime.date:
    """The day it is here."""
    return datetime.date.today()
