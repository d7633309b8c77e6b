"""From printed rates back to whole numbers: pairs can only be counted, so a rate tells how many there were."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from course_lib.audit.expected import printed
from course_lib.evaluation import Confusion

Counts = NDArray[np.int64]
# Each rate as what it counts over what it counts it among, of tp, fn, fp and tn.
_RATES: dict[str, Callable[[Counts, Counts, Counts, Counts], tuple[Counts, Counts]]] = {
    "recall": lambda tp, fn, fp, tn: (tp, tp + fn),
    "specificity": lambda tp, fn, fp, tn: (tn, tn + fp),
    "accuracy": lambda tp, fn, fp, tn: (tp + tn, tp + fn + fp + tn),
    "precision": lambda tp, fn, fp, tn: (tp, tp + fp),
    "f1": lambda tp, fn, fp, tn: (2 * tp, 2 * tp + fp + fn),
}


def possible_counts(digits: str, trials: int) -> list[int]:
    """The numbers of successes among ``trials`` whose share rounds to ``digits`` per cent; [] if there is none.

    ``possible_counts("99.57", 6000)`` is [5974]: no other number of pairs prints so. An empty list means that the
    printed value is no share of so many trials; a mean over several tests may still be. Raises ValueError for
    ``trials`` below 1. Source: Brown and Heathers, "The GRIM Test", 2017, for means of whole numbers.
    """
    if trials < 1:
        raise ValueError(f"trials is {trials}; expected at least 1")
    expected = printed(f"{digits} %")
    middle = round(float(digits.replace(",", "")) / 100 * trials)
    reach = 2 + trials // 10 ** (len(digits.partition(".")[2]) + 2)
    near = range(max(0, middle - reach), min(trials, middle + reach) + 1)
    return [count for count in near if expected.fits(100 * count / trials)]


def confusions(rates: Mapping[str, str], n_genuine: int, n_impostor: int) -> list[Confusion]:
    """All counts of so many pairs whose rates round to the printed ones.

    Args:
        rates: digits in per cent by name: accuracy, precision, recall, specificity, f1; some or all of them.
        n_genuine: pairs of one person, TP + FN.
        n_impostor: pairs of two people, FP + TN.

    Raises:
        ValueError: a rate is not known, none is given, or there are no pairs of a kind.
    """
    unknown = sorted(set(rates) - set(_RATES))
    if unknown or not rates:
        raise ValueError(f"rates are {sorted(rates)}; expected some of {', '.join(_RATES)}")
    if min(n_genuine, n_impostor) < 1:
        raise ValueError(f"n_genuine is {n_genuine} and n_impostor {n_impostor}; expected at least 1 of each")
    tp, tn = np.arange(n_genuine + 1), np.arange(n_impostor + 1)
    # Recall knows genuine pairs only and specificity impostors only: they thin out both axes before the square.
    tp = tp[_fit("recall", rates, tp, n_genuine - tp, 0 * tp, 0 * tp)]
    tn = tn[_fit("specificity", rates, 0 * tn, 0 * tn, n_impostor - tn, tn)]
    tp, tn = (axis.ravel() for axis in np.meshgrid(tp, tn, indexing="ij"))
    fn, fp = n_genuine - tp, n_impostor - tn
    kept = np.ones(len(tp), dtype=bool)
    for name in ("accuracy", "precision", "f1"):
        kept &= _fit(name, rates, tp, fn, fp, tn)
    found = zip(*(counts[kept].tolist() for counts in (tp, fn, fp, tn)), strict=True)
    return [Confusion(*counts) for counts in found]


def _fit(name: str, rates: Mapping[str, str], *counts: Counts) -> NDArray[np.bool_]:
    """Which counts give the rate as printed; all, where it is not printed. Nothing among nothing never does."""
    if name not in rates:
        return np.ones(len(counts[0]), dtype=bool)
    part, whole = _RATES[name](*counts)
    return (whole > 0) & printed(f"{rates[name]} %").fits(100 * part / np.maximum(whole, 1))
