"""Kumar et al.: what "less than 1 MB" can be, and what a gain of 1.78 points says."""

from __future__ import annotations

import pytest

from course_lib.audit import kumar, possible_counts

pytestmark = pytest.mark.slow  # the networks are built and counted once for all

PAPER = "Kumar et al."


def test_verdicts(verdicts) -> None:
    assert verdicts(PAPER) == (2, 4, 5)


def test_one_megabyte_takes_integers_and_half_the_width(find) -> None:
    found = find(PAPER, "smaller than 1 MB")
    assert found.fitting == ("width 0.5, int8", "width 0.35, int8", "width 0.25, int8")
    assert found.values["width 1, fp32"] == pytest.approx(9.69e6, abs=1e4)


def test_the_gain_is_clear_whatever_the_test_was() -> None:
    ends = kumar.gain()
    assert min(ends.values()) > 0.5 and len(ends) == 4
    assert possible_counts(kumar.CENTER, 6000) and not possible_counts(kumar.CENTER_IN_TEXT, 6000)


def test_what_is_not_described_cannot_be_told(find) -> None:
    assert find(PAPER, "M1 to M4").values == find(PAPER, "center loss alone, which").values == {}
