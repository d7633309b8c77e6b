"""The threshold below which a face is nobody's, from the scores of strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from course_lib.evaluation import Interval, wilson

SAME_FACE = 1e-6  # two embeddings of one photograph, by their cosine
ROUNDING = 1e-3  # of a cosine or a share


@dataclass(frozen=True)
class Calibration:
    """A threshold, the FAR it was chosen for, and how it was found.

    The FAR is that of a search: the share of strangers' faces that are given anybody's name, which the open-set
    literature calls FPIR. It grows with the gallery: twice the people, about twice as many strangers named.

    Attributes:
        threshold: a face is given a name when its cosine is at least this.
        far_target: what was asked for.
        far: what the threshold gives on the strangers it was chosen on; it does not exceed the target.
        interval: 95 % Wilson interval of ``far``, as if the faces were independent: with several of one person it is
            too narrow.
        searches, accepted: how many strangers' faces were searched for, and how many of them would be given a name.
        skipped: photographs of strangers that could not be used.
        people, templates: in the gallery, when it was calibrated.
        strangers: whose faces these were.
        date: of the calibration, in ISO format.

    Raises:
        ValueError: a number is none, not finite or out of range, or a text is none: nobody would be given a name, or
            everybody.
    """

    threshold: float
    far_target: float
    far: float
    interval: Interval
    searches: int
    accepted: int
    skipped: int
    people: int
    templates: int
    strangers: str
    date: str

    def __post_init__(self) -> None:
        shares = (self.far_target, self.far, self.interval.low, self.interval.high)
        counts = (self.searches, self.accepted, self.skipped, self.people, self.templates)
        is_sound = (
            all(isinstance(number, (int, float)) and -ROUNDING <= number <= 1 + ROUNDING for number in shares)
            and all(isinstance(count, int) and count >= 0 for count in counts)
            and isinstance(self.threshold, (int, float))
            and abs(self.threshold) <= 1 + ROUNDING
            and all(isinstance(text, str) for text in (self.strangers, self.date))
        )
        if not is_sound:
            raise ValueError("a calibration has shares of 0 to 1, counts, a cosine as its threshold, and two texts")

    def __str__(self) -> str:
        low, high = (f"{100 * end:.2g}" for end in (self.interval.low, self.interval.high))
        return (
            f"cosine >= {self.threshold:.3f}: {self.accepted} of {self.searches:,} strangers' faces would be given a "
            f"name, FAR {100 * self.far:.2g} % ({low} to {high} %), {100 * self.far_target:.2g} % asked for. "
            f"{self.people:,} people, {self.templates:,} templates, {self.date}; strangers: {self.strangers}"
        )


def most_accepted(far: float, n_strangers: int) -> int:
    """How many of so many strangers' faces may be given a name; ``ValueError`` as ``threshold_for``."""
    if not 0 < far < 1:
        raise ValueError(f"far is {far}; expected a share between 0 and 1, such as 0.01")
    accepted = int(far * n_strangers) + 1
    while accepted / max(1, n_strangers) > far:
        accepted -= 1
    if accepted == 0:
        raise ValueError(
            f"a FAR of {far:g} cannot be told from {n_strangers} faces of strangers; expected at least "
            f"{int(np.ceil(1 / far)):,}. Give more strangers, or ask for a larger FAR"
        )
    return accepted


def threshold_for(far: float, scores: ArrayLike) -> tuple[float, int]:
    """The lowest threshold that gives at most a share ``far`` of strangers a name, and how many it does.

    It lies midway between the highest score refused and the lowest accepted, so that rounding moves no face across
    it; equal scores are refused together.

    Args:
        far: between 0 and 1.
        scores: (N,), of each stranger's face with the person it is most like.

    Raises:
        ValueError: ``far`` is out of range, a score is not finite, or there are fewer than 1 / far: such a FAR cannot
            be seen on so few.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(f"scores have shape {scores.shape}, or are not all finite; expected (N,) cosines")
    accepted = most_accepted(far, len(scores))
    falling = np.sort(scores)[::-1]
    refused = falling[accepted]
    above = falling[falling > refused]
    if not len(above):
        return float(np.nextafter(refused, np.inf)), 0
    middle = refused + (above[-1] - refused) / 2
    return float(middle if middle > refused else above[-1]), len(above)


def calibrate(
    far: float, scores: ArrayLike, *, people: int, templates: int, strangers: str, date: str, skipped: int = 0
) -> Calibration:
    """A ``Calibration`` from the scores of strangers; see ``threshold_for`` for its arguments and errors.

    Raises:
        ValueError: so many strangers are the very faces that are enrolled that nobody would be given a name.
    """
    threshold, accepted = threshold_for(far, scores)
    if threshold > 1 - SAME_FACE:
        raise ValueError(
            f"the threshold would be a cosine of {threshold:.6f}, which no other photograph of a person reaches: some "
            "strangers' photographs are those that people are enrolled with, or somebody is enrolled under two names. "
            "Leave these out"
        )
    searches = len(np.asarray(scores))
    return Calibration(
        threshold=threshold,
        far_target=float(far),
        far=accepted / searches,
        interval=wilson(accepted, searches),
        searches=searches,
        accepted=accepted,
        skipped=skipped,
        people=people,
        templates=templates,
        strangers=strangers,
        date=date,
    )
