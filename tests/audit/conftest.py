"""Each paper is audited once for all tests of its file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from course_lib.audit import PAPERS, Finding, audit


@cache
def _findings(paper: str) -> dict[tuple[str, str], Finding]:
    return {(f.claim.where, f.claim.says): f for f in audit(PAPERS[paper]).findings}


@pytest.fixture(scope="session")
def findings() -> Callable[[str], list[Finding]]:
    """All findings of a paper."""
    return lambda paper: list(_findings(paper).values())


@pytest.fixture(scope="session")
def find() -> Callable[[str, str], Finding]:
    """The one finding of a paper whose place and words begin with, or hold, some words."""

    def find(paper: str, words: str) -> Finding:
        found = [f for (where, says), f in _findings(paper).items() if words in f"{where}: {says}"]
        assert len(found) == 1, [f.claim.says for f in found]
        return found[0]

    return find


@pytest.fixture(scope="session")
def verdicts() -> Callable[[str], tuple[int, int, int]]:
    """How many claims of a paper hold, do not hold, and cannot be told."""

    def verdicts(paper: str) -> tuple[int, int, int]:
        found = [str(f.verdict) for f in _findings(paper).values()]
        return tuple(map(found.count, ("holds", "does not hold", "cannot be told")))

    return verdicts
