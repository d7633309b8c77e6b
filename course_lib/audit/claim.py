"""A claim beside its recomputation. The verdict follows from the values; nobody writes it down.

What a paper leaves open, such as the rule by which multiply-adds were counted, gives several **readings**, and each
reading a value. A printed number has the benefit of the doubt: it holds if it comes out under one reading. A statement
must hold under every one; if it holds under some, the paper does not tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from course_lib.audit.expected import Expected, printed

Readings = Mapping[str, float]


class Verdict(Enum):
    """What the recomputation says of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "cannot be told"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Finding:
    """A claim with what its recomputation gave."""

    claim: Claim
    values: Readings  # of every reading
    fitting: tuple[str, ...]  # the readings that agree
    instead: tuple[str, ...]  # where none does: what else was tried, and agrees
    verdict: Verdict

    @property
    def recomputed(self) -> str:
        """The value that decides: where a number holds the one that agrees, else all of them, as a range."""
        kept = self.fitting[:1] if self.verdict is Verdict.HOLDS and not self.claim.every else tuple(self.values)
        if not kept:
            return "nothing to compute"
        show = self.claim.expected.show
        low, high = (show(pick(self.values[reading] for reading in kept)) for pick in (min, max))
        return low if low == high else f"{low} to {high}"

    @property
    def reading(self) -> str:
        """Under which reading a number holds, what gives it instead, or how many readings a statement survives."""
        if self.instead:
            return f"instead: {self.instead[0]}"
        if self.verdict is Verdict.OPEN:
            return f"{len(self.fitting)} of {len(self.values)} readings" if self.values else ""
        return self.fitting[0] if self.fitting and not self.claim.every else ""

    def row(self) -> dict[str, str]:
        """One row of the audit's table, ready for ``pandas.DataFrame``."""
        claim = self.claim
        return {
            "paper": claim.paper,
            "where": claim.where,
            "claim": claim.says,
            "printed": claim.expected.text,
            "recomputed": self.recomputed,
            "verdict": str(self.verdict),
            "reading": self.reading,
        }


@dataclass(frozen=True)
class Claim:
    """What a paper says, and how to compute it. Made by ``number`` or ``statement``.

    Attributes:
        paper: whose claim it is.
        where: section, table or figure.
        says: the claim in a few words.
        expected: the test of a value.
        recompute: gives the value under each reading that the paper leaves open; {} where nothing can be computed.
        every: whether each reading must agree, as for a statement, or one, as for a printed number.
        elsewhere: other things that the number could be; they explain, and never change the verdict.
    """

    paper: str
    where: str
    says: str
    expected: Expected
    recompute: Callable[[], Readings]
    every: bool
    elsewhere: Callable[[], Readings] | None = None

    def check(self) -> Finding:
        """Recompute, and compare. Raises ValueError for a value that is not finite, naming claim and reading."""
        values = self._finite(self.recompute())
        fitting = tuple(reading for reading, value in values.items() if self.expected.fits(value))
        verdict = _verdict(len(fitting), len(values), self.every)
        instead: tuple[str, ...] = ()
        if verdict is Verdict.FAILS and self.elsewhere is not None:
            others = self._finite(self.elsewhere())
            instead = tuple(reading for reading, value in others.items() if self.expected.fits(value))
        return Finding(self, values, fitting, instead, verdict)

    def _finite(self, values: Readings) -> dict[str, float]:
        for reading, value in values.items():
            if not math.isfinite(value):
                raise ValueError(f"{self.paper}, {self.where}, {self.says!r}: reading {reading!r} gave {value}")
        return dict(values)


def _verdict(n_fitting: int, n_readings: int, every: bool) -> Verdict:
    if n_readings == 0:
        return Verdict.OPEN
    if n_fitting == 0:
        return Verdict.FAILS
    return Verdict.HOLDS if n_fitting == n_readings or not every else Verdict.OPEN


def number(
    paper: str,
    where: str,
    says: str,
    digits: str,
    recompute: Callable[[], Readings],
    elsewhere: Callable[[], Readings] | None = None,
) -> Claim:
    """A printed number, such as "1.1M": holds if one reading rounds to it. Errors are those of ``printed``."""
    return Claim(paper, where, says, printed(digits), recompute, every=False, elsewhere=elsewhere)


def statement(paper: str, where: str, says: str, expected: Expected, recompute: Callable[[], Readings]) -> Claim:
    """A statement, such as "consistently better": holds if every reading agrees with ``expected``."""
    return Claim(paper, where, says, expected, recompute, every=True)
