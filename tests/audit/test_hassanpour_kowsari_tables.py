"""The two tables of Hassanpour and Kowsari: what follows by arithmetic, against plain loops."""

from __future__ import annotations

from statistics import mean, pstdev, stdev

import pytest

from course_lib.audit import hassanpour_kowsari_tables as tables
from course_lib.evaluation import summary_of_accuracies

# Worked out by hand from Figure 4: mean, STD of the population, STD of the sample, SER.
SPREAD = {
    "baseline": (90.915, 2.22, 2.57, 2.07),
    "SGD V1": (92.155, 2.00, 2.31, 2.19),
    "SAM V1": (92.845, 2.08, 2.41, 2.48),
    "SGD V2": (92.200, 2.02, 2.34, 2.22),
    "SAM V2": (92.890, 1.95, 2.25, 2.31),
    "M-SGD V1": (93.0575, 2.00, 2.31, 2.36),
    "M-SAM V1": (93.790, 1.70, 1.96, 2.32),
    "M-SGD V2": (93.150, 1.99, 2.30, 2.38),
    "M-SAM V2": (93.805, 1.68, 1.94, 2.29),
}


@pytest.mark.parametrize("row", tables.ROWS)
def test_spread_that_the_paper_announces(row: str) -> None:
    accuracies = list(tables.by_group(row).values())
    found = summary_of_accuracies(tables.by_group(row))
    by_hand = (mean(accuracies), pstdev(accuracies), stdev(accuracies))
    assert (found.mean, found.std_population, found.std_sample) == pytest.approx(by_hand)
    assert (found.mean, found.std_population, found.std_sample, found.ser) == pytest.approx(SPREAD[row], abs=0.006)


def test_one_set_of_columns_gives_both_means_over_sgd() -> None:
    small, large = tables.mean_gain(tables.SMALL_PAIRS), tables.mean_gain(tables.LARGE_PAIRS)
    both = [name for name in small if (round(small[name], 1), round(large[name], 1)) == (1.2, 1.4)]
    assert both == ["both, RFW as one average, IJB-C 1e-4 once"]


def test_a_mean_gain_by_hand() -> None:
    # Sums of Figure 3's six columns: baseline 556.38, SAM V1 569.65, SAM V2 569.34.
    by_hand = (569.65 + 569.34 - 2 * 556.38) / 12
    assert tables.mean_gain(tables.BASELINE_PAIRS)["Figure 3"] == pytest.approx(by_hand)


def test_sam_is_nowhere_worse_than_sgd_and_somewhere_worse_than_the_baseline() -> None:
    worst = min(
        tables.TABLE_3[better][c] - tables.TABLE_3[worse][c]
        for better, worse in (*tables.SMALL_PAIRS, *tables.LARGE_PAIRS)
        for c in tables.COLUMNS_3
    )
    assert worst == 0  # M-SAM V1 and M-SGD V1, LFW
    assert tables.worst_gain((*tables.SMALL_PAIRS, *tables.LARGE_PAIRS)) == {"worst column": 0.0}
    assert tables.TABLE_3["SAM V1"]["AgeDB30"] - tables.TABLE_3["baseline"]["AgeDB30"] == pytest.approx(-0.4)


def test_best_columns() -> None:
    won = {row: tables.best_columns(row)["of 13"] for row in tables.ROWS}
    assert sum(won.values()) == 14  # thirteen columns, and CALFW has two best rows
    assert (won["baseline"], won["SAM V2"], won["M-SGD V2"]) == (1, 1, 0)


def test_accuracies_that_are_no_share_of_the_pairs() -> None:
    assert tables.impossible(tables.SAM) == {"one model": 0, "the mean of two models": 0}
    assert tables.impossible(tables.SGD) == {"one model": 11, "the mean of two models": 0}


def test_low_resolution() -> None:
    assert tables.mean_low_resolution_gap()["XQLFW"] == pytest.approx(2.6525)
    assert tables.spread_of_low_resolution_gap()["XQLFW"] == pytest.approx(4.60 - 1.49)
    assert tables.strongest_low_resolution_gap()["XQLFW, M-SAM alone"] == pytest.approx(4.575)
