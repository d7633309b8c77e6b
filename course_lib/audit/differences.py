"""Readings of a difference between two printed accuracies: the ends of its interval on tests of a given size.

Both ends above zero: the pairs tell which network is better. One on each side: they do not.
"""

from __future__ import annotations

from course_lib import evaluation

# How many pairs the benchmarks have, half of them genuine. LFW: Huang et al. 2007, View 2, and the sets made after it
# (CALFW, CPLFW, AgeDB-30, XQLFW, each group of RFW: Wang et al. 2019); CFP-FP: Sengupta et al. 2016.
PAIRS = {"LFW": 6000, "CALFW": 6000, "CPLFW": 6000, "AgeDB30": 6000, "XQLFW": 6000, "RFW": 6000, "CFP-FP": 7000}
IJBC_IMPOSTORS = 15_638_932  # comparisons of the 1:1 protocol of IJB-C, Maze et al. 2018


def interval_ends(better: str, worse: str, pairs: int, label: str = "") -> dict[str, float]:
    """Low and high end of the 95 % interval of ``better - worse``, in points, as if each had its own pairs.

    Args:
        better, worse: accuracies in per cent as printed, such as "88.10".
        pairs: of each test.
        label: goes before the words in the readings' names.
    """
    first, second = (round(float(digits) / 100 * pairs) for digits in (better, worse))
    interval = evaluation.difference_of_accuracies(first, pairs, second, pairs).interval
    prefix = f"{label}, " if label else ""
    return {f"{prefix}low end": 100 * interval.low, f"{prefix}high end": 100 * interval.high}
