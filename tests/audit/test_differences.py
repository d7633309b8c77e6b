"""Ends of the interval of a printed difference."""

from __future__ import annotations

import pytest

from course_lib.audit.differences import interval_ends
from course_lib.evaluation import difference_of_accuracies


def test_ends_are_those_of_the_counts() -> None:
    ends = interval_ends("99.85", "99.68", 6000, "LFW")
    interval = difference_of_accuracies(5991, 6000, 5981, 6000).interval
    assert ends == {
        "LFW, low end": pytest.approx(100 * interval.low),
        "LFW, high end": pytest.approx(100 * interval.high),
    }


def test_more_pairs_bring_the_ends_closer() -> None:
    few, many = (interval_ends("90", "88", n) for n in (1000, 100_000))
    assert few["low end"] < 0 < many["low end"] < 2 < many["high end"] < few["high end"]
