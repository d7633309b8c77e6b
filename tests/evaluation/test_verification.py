"""The bundle of metrics."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from course_lib.evaluation import eer, kfold_accuracy, tar_at_far, verification


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    same = np.arange(400) % 4 != 0  # 300 genuine, 100 impostor
    return np.random.default_rng(0).normal(size=400) + 2 * same, same


def test_verification_bundles_the_single_metrics(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    result = verification(*pairs, n_folds=5, fars=(0.1, 0.001))
    assert (result.n_genuine, result.n_impostor) == (300, 100)
    assert result.eer == eer(*pairs)
    assert result.tar_at_far == (tar_at_far(*pairs, 0.1), tar_at_far(*pairs, 0.001))
    np.testing.assert_array_equal(result.accuracy.per_fold, kfold_accuracy(*pairs, n_folds=5).per_fold)
    with pytest.raises(FrozenInstanceError):
        result.eer = None


def test_summary_gives_per_cent_intervals_and_what_is_not_resolved(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    result = verification(*pairs, fars=(0.1, 0.001))
    lines = str(result).splitlines()
    assert lines[0] == "300 genuine and 100 impostor pairs, 95 % intervals"
    assert f"{100 * result.accuracy.mean:.2f} %" in lines[1] and f"{100 * result.accuracy.interval.low:.2f}" in lines[1]
    assert lines[2].split() == ["EER", f"{100 * result.eer.rate:.2f}", "%"]
    assert lines[3].startswith("TAR at FAR 10 %") and lines[3].endswith("FAR reached 10 %")
    assert lines[4] == "TAR at FAR 0.1 %      not resolved: one impostor pair is 1 %"
    assert str(result) == result.summary()


def test_confidence_widens_the_intervals(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    narrow, wide = verification(*pairs, confidence=0.8), verification(*pairs, confidence=0.99)
    assert wide.accuracy.interval.low < narrow.accuracy.interval.low
    assert wide.tar_at_far[0].interval.low < narrow.tar_at_far[0].interval.low
    assert "99 % intervals" in str(wide)


def test_verification_passes_errors_on() -> None:
    with pytest.raises(TypeError, match="n_folds must be a whole number, got 2.5"):
        verification([0.9, 0.8, 0.1, 0.2], [True, True, False, False], n_folds=2.5)
    with pytest.raises(ValueError, match="n_folds must lie between 2 and the 2 genuine pairs, got 10"):
        verification([0.9, 0.8, 0.1, 0.2], [True, True, False, False])
    with pytest.raises(TypeError, match="same must be boolean"):
        verification([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], n_folds=2)


def test_import_is_light() -> None:
    command = "import sys, course_lib.evaluation; print([m for m in ('torch', 'scipy', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
