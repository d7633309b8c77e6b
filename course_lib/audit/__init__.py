"""Check a paper's numbers: claims beside recomputations, and verdicts that follow from them.

``audit(PAPERS["Lee et al."])`` checks one of the five papers of the course; ``number`` and ``statement`` make claims
about the next one.
"""

from __future__ import annotations

from course_lib.audit import aim, basch, hassanpour_kowsari, kumar, lee
from course_lib.audit.claim import Claim, Finding, Verdict, number, statement
from course_lib.audit.differences import interval_ends
from course_lib.audit.expected import Expected, above, at_least, below, between, printed
from course_lib.audit.printed_rates import confusions, possible_counts
from course_lib.audit.report import Audit, audit

PAPERS: dict[str, tuple[Claim, ...]] = {
    module.PAPER: module.CLAIMS for module in (basch, hassanpour_kowsari, kumar, lee, aim)
}

__all__ = [
    "PAPERS",
    "Audit",
    "Claim",
    "Expected",
    "Finding",
    "Verdict",
    "above",
    "at_least",
    "audit",
    "below",
    "between",
    "confusions",
    "interval_ends",
    "number",
    "possible_counts",
    "printed",
    "statement",
]
