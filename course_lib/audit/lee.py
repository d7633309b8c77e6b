"""Lee et al. (2024): MobileFaceNet against SE-LResNet100E-IR, five rates each; the test is not described."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from course_lib.audit.claim import Claim, number, statement
from course_lib.audit.differences import interval_ends
from course_lib.audit.expected import above, below
from course_lib.audit.networks import parameters
from course_lib.audit.printed_rates import confusions
from course_lib.evaluation import Confusion, paired_difference

PAPER, TABLE = "Lee et al.", "Table 1"
# Table 1, per cent as printed.
RATES = {
    "MobileFaceNet": {
        "accuracy": "99.6833",
        "precision": "99.8996",
        "recall": "99.4667",
        "specificity": "99.9000",
        "f1": "99.6827",
    },
    "ResNet-100": {
        "accuracy": "99.8500",
        "precision": "100.0000",
        "recall": "99.7000",
        "specificity": "100.0000",
        "f1": "99.8498",
    },
}
COUNTED = ("accuracy", "precision", "recall", "specificity")  # shares of whole pairs; F1 follows from two of them
N = 3000  # genuine pairs, and as many impostors: the smallest even split that prints both rows, see `smallest_split`


def matrix(network: str, n: int = N) -> Confusion:
    """The counts behind a row of Table 1, on n + n pairs; ValueError unless exactly one matrix prints so."""
    found = confusions({name: RATES[network][name] for name in COUNTED}, n, n)
    if len(found) != 1:
        raise ValueError(f"{len(found)} confusion matrices of {n} + {n} pairs print as the row of {network}")
    return found[0]


def smallest_split() -> dict[str, float]:
    """The smallest n for which n genuine and n impostor pairs print both rows."""
    rows = [{name: rates[name] for name in COUNTED} for rates in RATES.values()]
    fits = (n for n in range(1, 2 * N) if all(confusions(row, n, n) for row in rows))
    return {"equal halves": float(next(fits))}


def rate(network: str, name: str) -> dict[str, float]:
    """One rate of the matrix, in per cent; F1 also from a precision and a recall that were rounded first."""
    counts = matrix(network)
    readings = {"counted": 100 * getattr(counts, name)}
    if name == "f1":
        precision, recall = (round(100 * share, 4) for share in (counts.precision, counts.recall))
        readings["of rounded precision and recall"] = 2 * precision * recall / (precision + recall)
    return readings


def decisions(same_errors: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether MobileFaceNet and ResNet-100 are right on each of the 2 N pairs, as the table allows it.

    It counts the errors and does not say where they are: on the same pairs as far as that goes, or on different ones.
    """
    a, b = matrix("MobileFaceNet"), matrix("ResNet-100")
    right_a, right_b = np.ones((2, N), dtype=bool), np.ones((2, N), dtype=bool)  # genuine pairs, impostors
    for kind, (errors_a, errors_b) in enumerate(((a.fn, b.fn), (a.fp, b.fp))):
        start = 0 if same_errors else errors_a
        right_a[kind, :errors_a] = False
        right_b[kind, start : start + errors_b] = False
    return right_a.ravel(), right_b.ravel()


def paired_ends() -> dict[str, float]:
    """Ends of the 95 % interval of ResNet-100's gain in accuracy, in points, on the same pairs, in both cases."""
    ends = {}
    for label, same in {"same pairs, errors shared": True, "same pairs, no error shared": False}.items():
        mobilefacenet, resnet = decisions(same)
        interval = paired_difference(resnet, mobilefacenet)
        ends |= {f"{label}, low end": 100 * interval.low, f"{label}, high end": 100 * interval.high}
    return ends


def gains() -> dict[str, float]:
    """ResNet-100 minus MobileFaceNet in every rate, in points."""
    return {name: float(RATES["ResNet-100"][name]) - float(digits) for name, digits in RATES["MobileFaceNet"].items()}


def recall_lead() -> dict[str, float]:
    """By how much the gain in recall exceeds the next largest, in points."""
    recall, *others = sorted(gains().items(), key=lambda item: item[0] != "recall")
    return {"recall minus the next": recall[1] - max(gain for _, gain in others)}


def ends_of(name: str, pairs: int) -> Mapping[str, float]:
    """Ends of the interval of a gain, as if each network had its own pairs."""
    return interval_ends(RATES["ResNet-100"][name], RATES["MobileFaceNet"][name], pairs, "two tests")


CLAIMS: tuple[Claim, ...] = (
    *(
        number(PAPER, TABLE, f"{network}: {name}", f"{digits} %", partial(rate, network, name))
        for network, rates in RATES.items()
        for name, digits in rates.items()
    ),
    number(
        PAPER, TABLE, "genuine pairs of the test, which is not named; LFW has 3,000 + 3,000", "3,000", smallest_split
    ),
    statement(PAPER, "Section 5", "ResNet-100 is ahead in all five rates of the table", above("0 points"), gains),
    statement(PAPER, "Section 4", "the largest difference is in recall", above("0 points"), recall_lead),
    statement(
        PAPER,
        "Abstract",
        "ResNet-100 shows better performance (accuracy, beyond the choice of these pairs)",
        above("0 points"),
        lambda: {**ends_of("accuracy", 2 * N), **paired_ends()},
    ),
    statement(
        PAPER,
        "Section 4",
        "specificity differs slightly (beyond the choice of these pairs)",
        above("0 points"),
        lambda: ends_of("specificity", N),
    ),
    statement(
        PAPER,
        "Title",
        "SE-LResNet100E-IR is lightweight (EFaR 2023, which they cite, ends at 5M parameters)",
        below("5M"),
        lambda: {"parameters": parameters("se_lresnet100e_ir")},
    ),
    statement(PAPER, "Abstract", "better in the same embedded environment (speed, memory)", above("0"), dict),
)
