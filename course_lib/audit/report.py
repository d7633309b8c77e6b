"""``audit``: every claim checked, as a table and as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from course_lib.audit.claim import Claim, Finding, Verdict


@dataclass(frozen=True)
class Audit:
    """The findings, in the order of the claims."""

    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        verdicts = Counter(str(finding.verdict) for finding in self.findings)
        return f"Audit({len(self.findings)} claims: {', '.join(f'{verdict} {n}' for verdict, n in verdicts.items())})"

    def table(self) -> list[dict[str, str]]:
        """One row a claim: paper, where, claim, printed, recomputed, verdict, reading; for ``pandas.DataFrame``."""
        return [finding.row() for finding in self.findings]

    def counts(self) -> dict[str, dict[str, int]]:
        """How many claims of each paper have each verdict, zeros included: ``{paper: {verdict: number}}``."""
        papers = dict.fromkeys(finding.claim.paper for finding in self.findings)
        counted = {paper: {str(verdict): 0 for verdict in Verdict} for paper in papers}
        for finding in self.findings:
            counted[finding.claim.paper][str(finding.verdict)] += 1
        return counted


def audit(claims: Iterable[Claim]) -> Audit:
    """Check every claim.

    Raises ValueError for two claims with the same paper, place and words, for no claim at all, and as ``Claim.check``.
    """
    claims = tuple(claims)
    if not claims:
        raise ValueError("There is no claim to check; give at least one number(...) or statement(...).")
    seen: set[tuple[str, str, str]] = set()
    for claim in claims:
        key = (claim.paper, claim.where, claim.says)
        if key in seen:
            raise ValueError(f"Claim {claim.says!r} of {claim.paper}, {claim.where}, is given twice.")
        seen.add(key)
    return Audit(tuple(claim.check() for claim in claims))
