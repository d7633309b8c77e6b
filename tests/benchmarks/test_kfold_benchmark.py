from __future__ import annotations

import numpy as np
import pytest

from benchmarks import kfold
from course_lib.evaluation import kfold_accuracy


def test_the_loop_is_what_it_says():
    distances, same = kfold.lfw_like(30)
    found = kfold.loop(distances, same, lambda _: kfold.GRID)
    training = np.arange(60, 600)
    right = [np.sum((distances[training] < threshold) == same[training]) for threshold in kfold.GRID]
    assert found.right[0] == max(right) and found.threshold[0] == kfold.GRID[right.index(max(right))]
    assert found.accuracy[0] == np.mean((distances[:60] < found.threshold[0]) == same[:60])
    assert kfold_accuracy(-distances, same).mean == pytest.approx(found.accuracy.mean(), abs=0.02)


def test_a_step_counts_the_pairs_between_its_ends():
    close = kfold.within_a_step(np.array([0.994, 1.0, 1.004, 1.0099, 1.02]), np.array([1.005, 0.991, 3.0]))
    assert close.tolist() == [3, 2, 0]


def test_the_record_has_times_and_no_threshold_is_better():
    figures = kfold.measure(pairs_of_a_kind=60, rounds=2)
    assert figures["milliseconds"].keys() == figures["accuracy"].keys() == {kfold.THEIRS, kfold.OURS}
    speed, accuracy, threshold, missed = figures["comparisons"]
    assert (speed["target"], accuracy["value"], threshold["value"]) == (20.0, 0.0, 0.0)
    assert missed["high"] <= 0 and min(figures["training_pairs"]["decided_better_than_by_the_grid"]) >= 0
