"""A device's memory, and whether a network fits into it."""

from __future__ import annotations

import re
from typing import NamedTuple

UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Verdict(NamedTuple):
    """Whether it fits, and why; true in a condition where it fits."""

    fits: bool
    why: str

    def __bool__(self) -> bool:
        return self.fits

    def __str__(self) -> str:
        return f"{'yes' if self.fits else 'no'}: {self.why}"


def to_bytes(size: str | int) -> int:
    """A size such as ``"2MB"`` (2,000,000), ``"512 KiB"`` (524,288) or a number of bytes.

    Raises:
        ValueError: it is no such size.
    """
    written = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", f"{size}B" if isinstance(size, int) else size)
    if written is None or written[2] not in UNITS:
        raise ValueError(f"the size is {size!r}; expected a number of bytes, or one with a unit: {', '.join(UNITS)}")
    return round(float(written[1]) * UNITS[written[2]])


def judge(budget: str | int, activations: int, weights: int | None) -> Verdict:
    """Hold activations, and weights unless they are None, against a budget.

    Args:
        budget: as ``to_bytes`` takes it.
        activations, weights: bytes.
    """
    limit, needed = to_bytes(budget), activations + (weights or 0)
    parts = f"activations {activations:,} bytes"
    if weights is not None:
        parts += f" and file {weights:,} make {needed:,}"
    left = limit - needed
    held = f"{left:,} less than {limit:,}" if left >= 0 else f"{-left:,} more than {limit:,}"
    return Verdict(left >= 0, f"{parts}, {held}" + (" (weights not included)" if weights is None else ""))
