"""Confusion counts: Lee's table to its last digit, scikit-learn, and what has no denominator."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from score_sets import tied_sets
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score

from course_lib.evaluation import Confusion, confusion, tar_at_far

# Lee et al., Table 1, in per cent.
PRINTED = ("accuracy", "precision", "recall", "specificity", "f1")
MOBILEFACENET = Confusion(tp=2984, fn=16, fp=3, tn=2997), ("99.6833", "99.8996", "99.4667", "99.9000", "99.6827")
RESNET_100 = Confusion(tp=2991, fn=9, fp=0, tn=3000), ("99.8500", "100.0000", "99.7000", "100.0000", "99.8498")


@pytest.mark.parametrize(("counts", "table"), [MOBILEFACENET, RESNET_100], ids=["MobileFaceNet", "ResNet-100"])
def test_lees_table_is_reproduced_to_its_last_digit(counts: Confusion, table: tuple[str, ...]) -> None:
    *shares, f1 = (f"{100 * getattr(counts, name):.4f}" for name in PRINTED)
    assert tuple(shares) == table[:4]
    # The table's F1 is the harmonic mean of the precision and the recall beside it, rounded as they are.
    precision, recall = float(table[1]), float(table[2])
    assert f"{2 * precision * recall / (precision + recall):.4f}" == table[4]
    assert f1 == {"99.6827": "99.6826"}.get(table[4], table[4])


def test_lees_decisions_from_scores() -> None:
    counts = MOBILEFACENET[0]
    same = np.repeat([True, True, False, False], [counts.tp, counts.fn, counts.fp, counts.tn])
    scores = np.repeat([0.8, 0.1, 0.7, 0.0], [counts.tp, counts.fn, counts.fp, counts.tn])
    assert confusion(scores, same, 0.5) == counts


def test_a_score_equal_to_the_threshold_is_accepted() -> None:
    assert confusion([0.5, 0.5, 0.4], [True, False, True], 0.5) == Confusion(tp=1, fn=1, fp=1, tn=0)
    assert confusion([0.5, 0.4], [True, False], np.inf) == Confusion(tp=0, fn=1, fp=0, tn=1)


@pytest.mark.slow
def test_counts_and_shares_equal_scikit_learn() -> None:
    for scores, same in tied_sets(100):
        threshold = np.median(scores)
        found, accepted = confusion(scores, same, threshold), scores >= threshold
        (tn, fp), (fn, tp) = confusion_matrix(same, accepted)
        assert found == Confusion(tp=tp, fn=fn, fp=fp, tn=tn)
        assert (found.accuracy, found.recall) == (accuracy_score(same, accepted), recall_score(same, accepted))
        assert found.precision == precision_score(same, accepted)
        assert found.f1 == pytest.approx(f1_score(same, accepted))
        assert found.specificity == recall_score(~same, ~accepted)
        point = tar_at_far(scores, same, 0.3)
        if np.isfinite(point.threshold):
            at_far = confusion(scores, same, point.threshold)
            assert at_far.recall == point.tar and 1 - at_far.specificity == pytest.approx(point.far_achieved)


def test_intervals_are_wilsons_and_hold_their_share() -> None:
    counts = MOBILEFACENET[0]
    intervals = counts.intervals(0.9)
    assert intervals.keys() == set(PRINTED)
    for name, interval in intervals.items():
        assert interval.low < getattr(counts, name) < interval.high
    for name, successes, trials in (("precision", 2984, 2987), ("recall", 2984, 3000), ("accuracy", 5981, 6000)):
        expected = binomtest(successes, trials).proportion_ci(0.9, method="wilson")
        assert (intervals[name].low, intervals[name].high) == pytest.approx(expected)
    f_star = binomtest(2984, 2984 + 16 + 3).proportion_ci(0.9, method="wilson")
    assert intervals["f1"].low == pytest.approx(2 * f_star.low / (1 + f_star.low))
    perfect = RESNET_100[0].intervals()["precision"]
    assert perfect.high == 1.0 and perfect.low < 0.999


def test_the_interval_of_f1_covers_it_as_often_as_it_says() -> None:
    generator, shares = np.random.default_rng(0), (0.35, 0.15, 0.1, 0.4)
    truth = 2 * shares[0] / (2 * shares[0] + shares[1] + shares[2])
    intervals = [Confusion(*generator.multinomial(200, shares)).intervals()["f1"] for _ in range(1000)]
    assert 0.93 < np.mean([interval.low <= truth <= interval.high for interval in intervals]) < 0.97


def test_a_share_of_nothing_is_refused() -> None:
    nothing_accepted = Confusion(tp=0, fn=3, fp=0, tn=5)
    assert (nothing_accepted.recall, nothing_accepted.f1, nothing_accepted.specificity) == (0, 0, 1)
    for ask in (lambda: nothing_accepted.precision, nothing_accepted.intervals):
        with pytest.raises(ValueError, match=r"precision of Confusion\(tp=0, fn=3, fp=0, tn=5\) is not defined"):
            ask()
    with pytest.raises(ValueError, match="The specificity of"):
        _ = Confusion(tp=1, fn=0, fp=0, tn=0).specificity


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="fp must not be negative, got -1"):
        Confusion(tp=1, fn=1, fp=-1, tn=1)
    for count in (99.5, True, "3"):
        with pytest.raises(TypeError, match="tn must be a whole number of pairs"):
            Confusion(tp=1, fn=1, fp=1, tn=count)
    with pytest.raises(ValueError, match="threshold is NaN"):
        confusion([0.1, 0.2], [True, False], np.nan)
    with pytest.raises(ValueError, match="no impostor"):
        confusion([0.1, 0.2], [True, True], 0.1)
    with pytest.raises(ValueError, match=r"scores\[1\] is nan"):
        confusion([0.1, np.nan], [True, False], 0.1)
    with pytest.raises(TypeError, match="same must be boolean"):
        confusion([0.1, 0.2], [1, 0], 0.1)
