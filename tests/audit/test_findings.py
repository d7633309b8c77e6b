"""Every claim with all that its recomputation gives, as the course shows it, is written down in findings.txt.

Where another value or word is meant, `python tests/audit/test_findings.py` writes them anew, and the difference shows
in review which claims it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.audit import PAPERS, Finding, audit

WRITTEN = Path(__file__).with_name("findings.txt")


def lines(finding: Finding) -> list[str]:
    """The row of the table, and below it each reading with its value to five digits."""
    readings = [f"    {name} = {value:.5g}" for name, value in finding.values.items()]
    return ["; ".join(filter(None, finding.row().values())), *readings]


def written() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in WRITTEN.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            found.setdefault(line.partition("; ")[0], [])
        found[list(found)[-1]].append(line)
    return found


def test_every_paper_is_there() -> None:
    assert list(written()) == list(PAPERS)


@pytest.mark.parametrize("paper", PAPERS)
def test_findings_are_as_they_were(paper: str, findings: Callable[[str], list[Finding]]) -> None:
    assert [line for finding in findings(paper) for line in lines(finding)] == written()[paper]


if __name__ == "__main__":
    every = [line for claims in PAPERS.values() for finding in audit(claims).findings for line in lines(finding)]
    WRITTEN.write_text("\n".join(every) + "\n", encoding="utf-8")
