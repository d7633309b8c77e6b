"""A report of made-up numbers: its table and its plain values, word for word."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.data import Excluded, PairCheck
from course_lib.evaluation import Interval, ThresholdAtFar
from course_lib.verify import Report

INF = math.inf
CHECK = PairCheck((), (), (), ("ada", "bob"))


@pytest.fixture(scope="module")
def report() -> Report:
    point = lambda far, tar, resolved: SimpleNamespace(  # noqa: E731
        far_target=far, far_achieved=far / 2, tar=tar, resolved=resolved, interval=Interval(tar - 0.02, tar + 0.01)
    )
    accuracy = SimpleNamespace(
        mean=0.9125,
        std=0.0123,
        interval=Interval(0.9, 0.925),
        per_fold=np.array([0.9, 0.925]),
        thresholds=np.array([0.25, 0.35]),
    )
    found = SimpleNamespace(
        accuracy=accuracy,
        eer=SimpleNamespace(rate=0.0875, threshold=0.28),
        tar_at_far=(point(0.1, 0.95, True), point(0.01, 0.5, True), point(1e-5, 0.0, False)),
        n_genuine=1500,
        n_impostor=2000,
        confidence=0.9,
    )
    at = [(0.2, 0.15, 0.25), (INF, 0.3, INF), (INF, -INF, INF)]
    return Report(
        network="a network",
        embedding_dim=192,
        flip=True,
        pairs="a list",
        n_faces=7000,
        alignment="as they come",
        excluded=(Excluded("a.jpg", "it is damaged", (3, 9)),),
        n_dropped=1234,
        check=CHECK,
        scores=np.zeros(1),
        same=np.ones(1, bool),
        verification=found,
        thresholds=tuple(
            ThresholdAtFar(threshold, far, far / 2, Interval(low, high), True)
            for far, (threshold, low, high) in zip((0.1, 0.01, 1e-5), at, strict=True)
        ),
    )


def test_the_table_line_by_line(report: Report) -> None:
    assert str(report).splitlines() == [
        "network    a network, 192 numbers, face + mirror image",
        "pairs      a list: 1,500 genuine, 2,000 impostor, of 7,000 photographs",
        "faces      as they come",
        "excluded   1 photographs, and 1,234 pairs with them",
        f"noticed    {CHECK}",
        "",
        "                           %  90 % interval    cosine >=                 squared L2 <=",
        "accuracy, 2 folds      91.25  [90.00, 92.50]   0.3000                    1.4000",
        "EER                     8.75                   0.2800                    1.4400",
        "TAR at FAR 0.1         95.00  [93.00, 96.00]   0.2000 [0.1500, 0.2500]   1.6000 [1.5000, 1.7000]",
        "TAR at FAR 0.01        50.00  [48.00, 51.00]   none                      none",
        "TAR at FAR 1e-05     not resolved: one of 2,000 impostor pairs is a FAR of 0.0005",
        "",
        "accuracy by fold: standard deviation 1.23 points; the thresholds' mean is shown",
        "excluded: a.jpg (it is damaged)",
    ]


def test_the_plain_values_one_by_one(report: Report) -> None:
    def both(cosine: float) -> dict[str, float]:
        return {"cosine": cosine, "squared_l2": pytest.approx(2 - 2 * cosine)}

    def row(far: float, tar: float, resolved: bool, threshold: object, ends: list) -> dict[str, object]:
        squares = [None if end is None else pytest.approx(2 - 2 * end) for end in reversed(ends)]
        return {
            "far": far,
            "resolved": resolved,
            "far_achieved": far / 2,
            "tar": tar,
            "interval": [tar - 0.02, tar + 0.01],
            "threshold": threshold,
            "threshold_interval": {"cosine": ends, "squared_l2": squares},
        }

    nowhere = {"cosine": None, "squared_l2": None}
    plain = report.plain()
    assert plain.pop("noticed") == {"duplicates": [], "itself": [], "contradictions": [], "shared": ["ada", "bob"]}
    assert plain == {
        "network": "a network",
        "embedding_dim": 192,
        "flip": True,
        "pairs": "a list",
        "genuine": 1500,
        "impostor": 2000,
        "photographs": 7000,
        "faces": "as they come",
        "excluded": [{"photograph": "a.jpg", "reason": "it is damaged", "pairs": [3, 9]}],
        "pairs_dropped": 1234,
        "confidence": 0.9,
        "accuracy": {
            "mean": 0.9125,
            "std": 0.0123,
            "interval": [0.9, 0.925],
            "per_fold": [0.9, 0.925],
            "thresholds": [both(0.25), both(0.35)],
        },
        "eer": {"rate": 0.0875, "threshold": both(0.28)},
        "tar_at_far": [
            row(0.1, 0.95, True, both(0.2), [0.15, 0.25]),
            row(0.01, 0.5, True, nowhere, [0.3, None]),
            row(1e-5, 0.0, False, nowhere, [None, None]),
        ],
    }
