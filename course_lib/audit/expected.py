"""What a claim expects of a value: the digits that are printed, or a bound; read from text, shown in the same unit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

# Bytes, parameters and multiply-adds are counted one by one; a printed suffix says in what they are given.
SCALES = {
    "": 1,
    "%": 1,
    "points": 1,
    "ms": 1,
    "people": 1,
    "images": 1,
    "kB": 1e3,
    "thousand": 1e3,
    "M": 1e6,
    "MB": 1e6,
    "million": 1e6,
    "G": 1e9,
    "GB": 1e9,
}
COUNTED = ("", "images", "people")
_PRINTED = re.compile(r"(?P<digits>-?\d[\d,]*(?:\.(?P<decimals>\d+))?)\s*(?P<suffix>\D*)")
_ROUNDING = 1e-9  # of the last digit: floats are not exact at a tie


@dataclass(frozen=True)
class Expected:
    """A test of a value, with the words of it and the unit to show values in.

    Attributes:
        text: as the paper has it, such as "236.75M" or "below 1 MB".
        fits: whether a value, in single parameters, bytes or per cent, agrees.
        suffix: the unit, one of ``SCALES``.
        decimals: how many to show a recomputed value with.
    """

    text: str
    fits: Callable[[float], bool]
    suffix: str = ""
    decimals: int = 2

    def show(self, value: float) -> str:
        """A recomputed value in the claim's unit; whole numbers of things are shown whole."""
        whole = self.suffix in COUNTED and float(value).is_integer()
        space = " " if len(self.suffix) > 1 or self.suffix == "%" else ""
        return f"{value / SCALES[self.suffix]:,.{0 if whole else self.decimals}f}{space}{self.suffix}"


def printed(text: str) -> Expected:
    """A value that rounds to the printed digits: ``printed("1.1M")`` is 1,050,000 to 1,150,000.

    At a tie both neighbours are right, since papers round either way. Raises ValueError for text that is not a number
    with a unit of ``SCALES``.
    """
    value, last_digit, suffix, decimals = _read(text)
    reach = last_digit * (0.5 + _ROUNDING)
    return Expected(text, lambda found: abs(found - value) <= reach, suffix, decimals + 1)


def below(text: str) -> Expected:
    """A value under the printed one."""
    return _bound(text, "below", lambda found, value: found < value)


def above(text: str) -> Expected:
    """A value over the printed one."""
    return _bound(text, "above", lambda found, value: found > value)


def at_least(text: str) -> Expected:
    """The printed value or more."""
    return _bound(text, "at least", lambda found, value: found >= value - _ROUNDING)


def between(low: str, high: str) -> Expected:
    """From ``low`` to ``high``, ends included; ValueError unless both are in one unit."""
    (least, _, suffix, decimals), (most, _, other, _) = _read(low), _read(high)
    if suffix != other:
        raise ValueError(f"between needs both ends in one unit, got {low} and {high}")
    return Expected(f"{low} to {high}", lambda found: least <= found <= most, suffix, max(decimals + 1, 2))


def _bound(text: str, word: str, test: Callable[[float, float], bool]) -> Expected:
    value, _, suffix, decimals = _read(text)
    return Expected(f"{word} {text}", lambda found: test(found, value), suffix, max(decimals + 1, 2))


def _read(text: str) -> tuple[float, float, str, int]:
    """Value, worth of its last digit, suffix, number of decimals."""
    match = _PRINTED.fullmatch(text.strip())
    suffix = match["suffix"].strip() if match else ""
    if match is None or suffix not in SCALES:
        units = ", ".join(filter(None, SCALES))
        raise ValueError(f"{text!r} is not a printed number; expected digits and nothing or one of the units {units}")
    decimals = len(match["decimals"] or "")
    scale = SCALES[suffix]
    return float(match["digits"].replace(",", "")) * scale, math.pow(10, -decimals) * scale, suffix, decimals
