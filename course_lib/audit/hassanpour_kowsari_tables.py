"""The numbers of Hassanpour and Kowsari (2023), Figures 3 and 4, and what follows from them by arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_lib.audit.differences import PAIRS
from course_lib.audit.printed_rates import possible_counts
from course_lib.evaluation import summary_of_accuracies

COLUMNS_3 = ("CPLFW", "CFP-FP", "CALFW", "AgeDB30", "LFW", "IJB-C 1e-4")
GROUPS = ("Asian", "African", "Caucasian", "Indian")
LOW_RESOLUTION = ("XQLFW", "TinyFace rank 1", "TinyFace rank 5")
IJBC = ("IJB-C 1e-5", "IJB-C 1e-4", "IJB-C 1e-3", "IJB-C 1e-2")
COLUMNS_4 = (*GROUPS, "average", *LOW_RESOLUTION, *IJBC)
# Figures 3 and 4, per cent, as printed: the digits count.
FIGURE_3 = {
    "baseline": "83.33 91.81 93.82 95.97 99.57 91.88",
    "SGD V1": "91.19 93.41 94.71 95.12 99.52 92.17",
    "SAM V1": "91.35 95.01 95.10 95.57 99.55 93.07",
    "SGD V2": "91.08 93.27 94.65 95.23 99.52 92.26",
    "SAM V2": "91.28 94.73 94.90 95.72 99.65 93.06",
    "M-SGD V1": "91.38 93.07 94.48 94.92 99.52 93.56",
    "M-SAM V1": "92.42 95.97 95.15 95.77 99.52 93.99",
    "M-SGD V2": "91.36 93.22 94.53 94.95 99.52 93.61",
    "M-SAM V2": "92.23 96.11 95.15 95.88 99.58 93.95",
}
FIGURE_4 = {
    "baseline": "88.41 89.74 94.39 91.12 90.92 83.20 54.93 57.74 85.64 91.21 94.46 96.74",
    "SGD V1": "90.12 91.62 95.48 91.40 92.16 84.69 56.48 62.47 86.84 92.34 95.61 97.02",
    "SAM V1": "90.38 92.10 96.12 92.78 92.85 86.08 61.31 66.33 87.83 93.07 95.98 97.86",
    "SGD V2": "90.23 91.56 95.59 91.42 92.2 84.75 56.71 62.21 86.49 92.72 95.64 97.05",
    "SAM V2": "90.87 91.82 96.05 92.82 92.89 85.98 61.07 66.36 87.80 93.06 95.97 97.82",
    "M-SGD V1": "91.52 91.43 96.37 92.91 93.06 84.84 61.82 65.69 88.57 93.12 96.22 97.64",
    "M-SAM V1": "92.30 92.98 96.68 93.20 93.79 87.75 64.29 69.60 90.01 93.99 96.60 98.23",
    "M-SGD V2": "91.61 91.52 96.43 93.04 93.15 84.93 61.95 65.54 88.89 93.19 96.14 97.59",
    "M-SAM V2": "92.27 92.90 96.63 93.42 93.80 87.80 64.24 69.74 89.88 93.95 96.55 98.22",
}
ROWS = tuple(FIGURE_3)
SMALL_PAIRS, LARGE_PAIRS = (
    (("SAM V1", "SGD V1"), ("SAM V2", "SGD V2")),
    (("M-SAM V1", "M-SGD V1"), ("M-SAM V2", "M-SGD V2")),
)
SAM, SGD = (tuple(row for row in ROWS if kind in row) for kind in ("SAM", "SGD"))
BASELINE_PAIRS = (("SAM V1", "baseline"), ("SAM V2", "baseline"))


def figure(table: dict[str, str], columns: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """A figure's numbers by row and column."""
    return {row: dict(zip(columns, map(float, digits.split()), strict=True)) for row, digits in table.items()}


TABLE_3, TABLE_4 = figure(FIGURE_3, COLUMNS_3), figure(FIGURE_4, COLUMNS_4)


def rows(columns_3: tuple[str, ...], columns_4: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """The chosen columns of both figures, by row."""
    return {row: np.array([TABLE_3[row][c] for c in columns_3] + [TABLE_4[row][c] for c in columns_4]) for row in ROWS}


# The text does not say over which columns it averages.
COLUMN_SETS = {
    "both, RFW as one average, IJB-C 1e-4 once": rows(COLUMNS_3[:5], ("average", *LOW_RESOLUTION, *IJBC)),
    "Figure 3": rows(COLUMNS_3, ()),
    "Figure 4, RFW as four groups": rows((), (*GROUPS, *LOW_RESOLUTION, *IJBC)),
    "Figure 4, RFW as one average": rows((), ("average", *LOW_RESOLUTION, *IJBC)),
    "both, RFW as four groups, IJB-C 1e-4 once": rows(COLUMNS_3[:5], (*GROUPS, *LOW_RESOLUTION, *IJBC)),
}
EVERYTHING = COLUMN_SETS["both, RFW as four groups, IJB-C 1e-4 once"]


def mean_gain(pairs: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """Mean gain of the first row of each pair over the second, in points, over each set of columns."""
    return {
        name: float(np.mean([table[better] - table[worse] for better, worse in pairs]))
        for name, table in COLUMN_SETS.items()
    }


def mean_relative_gain(pairs: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """The same in per cent of the second row's value."""
    return {
        f"relative, {name}": float(np.mean([100 * (table[better] / table[worse] - 1) for better, worse in pairs]))
        for name, table in COLUMN_SETS.items()
    }


def worst_gain(
    pairs: tuple[tuple[str, str], ...], columns: dict[str, NDArray[np.float64]] = EVERYTHING
) -> dict[str, float]:
    """The smallest gain in any column, in points."""
    return {"worst column": round(float(min((columns[better] - columns[worse]).min() for better, worse in pairs)), 2)}


def share_of_sam() -> dict[str, float]:
    """How much of SAM's gain over the baseline comes with SAM, in per cent; the rest came with the training data."""
    by_sam, in_all = mean_gain(SMALL_PAIRS), mean_gain(BASELINE_PAIRS)
    return {name: 100 * by_sam[name] / in_all[name] for name in COLUMN_SETS}


def best_columns(row: str) -> dict[str, float]:
    """In how many columns of Figures 3 and 4 a row is best."""
    table = COLUMN_SETS["both, RFW as one average, IJB-C 1e-4 once"]
    best = np.max(list(table.values()), axis=0)
    return {"of 13": int(np.sum(table[row] == best))}


def low_resolution_gaps() -> dict[str, NDArray[np.float64]]:
    """The gain of the eight other rows over the baseline, in points, by benchmark."""
    return {
        column: np.array([TABLE_4[row][column] - TABLE_4["baseline"][column] for row in ROWS[1:]])
        for column in LOW_RESOLUTION
    }


def mean_low_resolution_gap() -> dict[str, float]:
    """Over the eight rows, by benchmark and over all three."""
    gaps = low_resolution_gaps()
    return {name: float(gap.mean()) for name, gap in gaps.items()} | {"all three": float(np.mean(list(gaps.values())))}


def strongest_low_resolution_gap() -> dict[str, float]:
    """The mean of the two best rows on XQLFW, in points."""
    return {
        "XQLFW, M-SAM alone": float(np.mean([TABLE_4[row]["XQLFW"] for row in SAM[2:]])) - TABLE_4["baseline"]["XQLFW"]
    }


def spread_of_low_resolution_gap() -> dict[str, float]:
    """Largest gap less smallest, by benchmark."""
    return {name: float(np.ptp(gap)) for name, gap in low_resolution_gaps().items()}


def by_group(row: str) -> dict[str, float]:
    """A row's accuracy on each group of RFW, in per cent."""
    return {group: TABLE_4[row][group] for group in GROUPS}


def spread_against_baseline() -> dict[str, float]:
    """By how much the groups lie closer together than the baseline's, in the row where that is least.

    STD in points; SER, the ratio of the largest to the smallest error, has no unit.
    """
    spread = {row: summary_of_accuracies(by_group(row)) for row in ROWS}
    others = [spread[row] for row in ROWS[1:]]
    return {
        "STD of the accuracies": min(spread["baseline"].std_population - other.std_population for other in others),
        "SER": min(spread["baseline"].ser - other.ser for other in others),
    }


def average(row: str) -> dict[str, float]:
    """Mean of the four groups of RFW, in per cent."""
    return {"mean": summary_of_accuracies(by_group(row)).mean}


def announced() -> dict[str, float]:
    """How many columns of Figure 4 are STD or SER, times its rows."""
    return {"in Figure 4": len(ROWS) * sum(column in ("STD", "SER") for column in COLUMNS_4)}


def impossible(chosen: tuple[str, ...]) -> dict[str, float]:
    """How many accuracies of some rows are no share of the benchmark's pairs, for one model and for a mean of two."""
    digits = [
        (value, PAIRS.get(column, PAIRS["RFW"] if column in GROUPS else 0))
        for row in chosen
        for columns, table in ((COLUMNS_3, FIGURE_3), (COLUMNS_4, FIGURE_4))
        for column, value in zip(columns, table[row].split(), strict=True)
    ]
    return {
        name: sum(not possible_counts(value, models * pairs) for value, pairs in digits if pairs)
        for name, models in {"one model": 1, "the mean of two models": 2}.items()
    }
