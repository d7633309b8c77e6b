"""Are errors shared evenly among groups of people? Accuracy, its spread and false matches by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import scored_pairs
from course_lib.evaluation.intervals import Interval, wilson
from course_lib.evaluation.kfold import kfold_accuracy
from course_lib.evaluation.operating_points import tar_at_far

EXPECTED_ERRORS = 5  # below it, counts of errors jump too much for a comparison: the usual rule for proportions


@dataclass(frozen=True)
class AccuracySummary:
    """The spread of groups' accuracies, as RFW is reported; in per cent."""

    mean: float
    std_population: float  # of exactly these groups: divided by their number
    std_sample: float  # of groups like these: divided by their number less one
    ser: float  # skewed error ratio: the largest error over the smallest, 1 is even; NaN where undefined
    ser_undefined: str  # why, or empty

    def __str__(self) -> str:
        ser = f"{self.ser:.2f}" if not self.ser_undefined else f"undefined ({self.ser_undefined})"
        spread = f"{self.std_population:.2f} (population), {self.std_sample:.2f} (sample)"
        return f"mean {self.mean:.2f} %, standard deviation {spread}, SER {ser}"


@dataclass(frozen=True)
class Group:
    """One group's share of right decisions and of false ones; shares in [0, 1] with Wilson intervals."""

    name: str
    n_genuine: int
    n_impostor: int
    accuracy: float
    accuracy_interval: Interval
    false_match_rate: float  # FAR within the group, at the threshold that all groups share
    false_match_interval: Interval
    false_non_match_rate: float  # FRR within the group, at that threshold
    false_non_match_interval: Interval


@dataclass(frozen=True)
class Fairness:
    """What `by_group` finds; `print` shows it as a table."""

    groups: tuple[Group, ...]  # sorted by name
    protocol: str  # how the accuracies were measured
    accuracies: AccuracySummary
    threshold: float  # that all groups share, for the false-match rates
    threshold_from: str  # where it comes from
    warnings: tuple[str, ...]  # of groups that are too small to say something, and what

    def __repr__(self) -> str:
        false = [100 * group.false_match_rate for group in self.groups]
        rates = f"mean accuracy {self.accuracies.mean:.1f} %, false matches {min(false):.2g} to {max(false):.2g} %"
        return f"Fairness({len(self.groups)} groups, {rates})"

    def __str__(self) -> str:
        """A table in per cent, and the warnings."""
        rows = [f"accuracy: {self.protocol}; false matches at {self.threshold_from}, {self.threshold:.4f}"]
        width = max(len(group.name) for group in self.groups)
        for group in self.groups:
            shares = (
                ("accuracy", group.accuracy, group.accuracy_interval),
                ("false matches", group.false_match_rate, group.false_match_interval),
                ("false non-matches", group.false_non_match_rate, group.false_non_match_interval),
            )
            cells = [f"{name} {100 * x:.2f} % [{100 * ci.low:.2f}, {100 * ci.high:.2f}]" for name, x, ci in shares]
            rows.append(f"{group.name:<{width}}  " + "  ".join(cells))
        return "\n".join([*rows, str(self.accuracies), *(f"warning: {text}" for text in self.warnings)])


def summary_of_accuracies(accuracies: Mapping[str, float]) -> AccuracySummary:
    """Mean, both standard deviations and SER of accuracies in per cent, by group, such as a published table's.

    SER = max(100 - accuracy) / min(100 - accuracy) says how skewed the errors are, not how many: a model may make
    fewer errors in every group and still have a larger one. It is undefined where a group has no error. Raises
    ValueError for fewer than 2 groups or an accuracy outside [0, 100]. Source: Wang and Deng, "Mitigating bias in
    face recognition using skewness-aware reinforcement learning", CVPR 2020.
    """
    if len(accuracies) < 2:
        raise ValueError(f"A spread needs at least 2 groups, got {list(accuracies)}.")
    for name, accuracy in accuracies.items():
        if not 0 <= accuracy <= 100:
            raise ValueError(f"The accuracy of {name!r} is {accuracy}; expected per cent, 0 to 100.")
    values = np.array(list(accuracies.values()), dtype=np.float64)
    errors = 100 - values
    perfect = [name for name, accuracy in accuracies.items() if accuracy == 100]
    return AccuracySummary(
        mean=float(values.mean()),
        std_population=float(values.std()),
        std_sample=float(values.std(ddof=1)),
        ser=float("nan") if perfect else float(errors.max() / errors.min()),
        ser_undefined=f"no error in {', '.join(perfect)}" if perfect else "",
    )


def by_group(
    scores: ArrayLike,
    same: ArrayLike,
    groups: ArrayLike,
    *,
    accuracy: Literal["folds", "threshold"] = "folds",
    threshold: float | None = None,
    far: float = 0.01,
    n_folds: int = 10,
    widest: float = 0.02,
    confidence: float = 0.95,
) -> Fairness:
    """Accuracy and false-match rate of scores (P,), same (P,) bool, within each of `groups` (P,), a name a pair.

    Both people of a pair belong to its group, as in RFW. `accuracy="folds"` is the LFW protocol within each group,
    with thresholds of its own, as RFW is reported: it hides that one threshold does not suit all. `"threshold"` counts
    right decisions at the one threshold that all groups share. That is `threshold`, best chosen on other pairs; None
    takes the one that keeps `far` over the impostor pairs of all groups together.

    A warning says that a group is too small: where fewer than 5 errors are to be expected of it, of either kind, if it
    were like the average group (then even a group without errors is not known to differ), or where the interval of
    its accuracy is wider than `widest`. Raises ValueError for fewer than 2 groups, a group with one kind of pair only
    or, for folds, with fewer than `n_folds` of either kind (it is named); other errors are those of `kfold_accuracy`
    and `tar_at_far`.
    """
    scores, same = scored_pairs(scores, same)
    names, group_of_pair = _groups(groups, same)
    if accuracy not in ("folds", "threshold"):
        raise ValueError(f"accuracy is {accuracy!r}; expected 'folds' or 'threshold'.")
    threshold_from = "the threshold that was given"
    if threshold is None:
        threshold, threshold_from = tar_at_far(scores, same, far).threshold, f"the threshold of FAR {far:g} over all"
    elif np.isnan(threshold):
        raise ValueError("threshold is NaN; expected a score, or None for the threshold of far.")
    folds = n_folds if accuracy == "folds" else None
    found = tuple(
        _group(name, scores[group_of_pair == number], same[group_of_pair == number], threshold, folds, confidence)
        for number, name in enumerate(names)
    )
    return Fairness(
        groups=found,
        protocol="one threshold for all groups" if folds is None else f"{folds} folds within each group",
        accuracies=summary_of_accuracies({group.name: 100 * group.accuracy for group in found}),
        threshold=float(threshold),
        threshold_from=threshold_from,
        warnings=tuple(text for group in found for text in _warnings(group, found, widest)),
    )


def _groups(groups: ArrayLike, same: NDArray[np.bool_]) -> tuple[list[str], NDArray[np.integer]]:
    """The groups' names, and the number of each pair's group."""
    groups = np.asarray(groups)
    if groups.shape != same.shape:
        raise ValueError(f"groups must be one per pair, got shape {groups.shape} for {len(same)} pairs.")
    missing = [index for index, name in enumerate(groups.tolist()) if name is None or name != name]
    if missing:
        raise ValueError(f"groups[{missing[0]}] is missing ({len(missing)} are); leave such pairs out, or name them.")
    names, group_of_pair = np.unique(groups.astype(str), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"A comparison needs at least 2 groups, got {names.tolist()}.")
    return names.tolist(), group_of_pair


def _group(
    name: str,
    scores: NDArray[np.float64],
    same: NDArray[np.bool_],
    threshold: float,
    n_folds: int | None,
    confidence: float,
) -> Group:
    n_genuine = int(same.sum())
    n_impostor = len(same) - n_genuine
    if min(n_genuine, n_impostor) < (n_folds or 1):
        raise ValueError(
            f"Group {name!r} has {n_genuine} genuine and {n_impostor} impostor pairs; expected at least {n_folds or 1} "
            "of each. Leave it out, or ask for fewer folds or accuracy='threshold'."
        )
    accepted = scores >= threshold
    false_matches, false_non_matches = int(np.sum(accepted & ~same)), int(np.sum(~accepted & same))
    if n_folds is None:
        right = len(same) - false_matches - false_non_matches
        accuracy, interval = right / len(same), wilson(right, len(same), confidence)
    else:
        kfold = kfold_accuracy(scores, same, n_folds, confidence)
        accuracy, interval = kfold.mean, kfold.interval
    return Group(
        name=name,
        n_genuine=n_genuine,
        n_impostor=n_impostor,
        accuracy=accuracy,
        accuracy_interval=interval,
        false_match_rate=false_matches / n_impostor,
        false_match_interval=wilson(false_matches, n_impostor, confidence),
        false_non_match_rate=false_non_matches / n_genuine,
        false_non_match_interval=wilson(false_non_matches, n_genuine, confidence),
    )


def _warnings(group: Group, groups: tuple[Group, ...], widest: float) -> list[str]:
    """What the group is too small for."""
    n_pairs = group.n_genuine + group.n_impostor
    average = {
        "errors": (n_pairs, 1 - float(np.mean([other.accuracy for other in groups]))),
        "false matches": (group.n_impostor, float(np.mean([other.false_match_rate for other in groups]))),
        "false non-matches": (group.n_genuine, float(np.mean([other.false_non_match_rate for other in groups]))),
    }
    texts = [
        f"{group.name}: {count * rate:.1f} {kind} are to be expected of {count} pairs at the groups' average, fewer "
        f"than {EXPECTED_ERRORS}: too few to tell whether this group differs in them"
        for kind, (count, rate) in average.items()
        if count * rate < EXPECTED_ERRORS
    ]
    width = group.accuracy_interval.high - group.accuracy_interval.low
    if width > widest:
        texts.append(
            f"{group.name}: the interval of its accuracy is {100 * width:.1f} points wide, more than {100 * widest:g}: "
            "differences of that size are not seen"
        )
    return texts
