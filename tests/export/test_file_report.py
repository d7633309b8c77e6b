"""What a report says of two files, held against the same worked out one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_files import mean_colour
from torch import Tensor

from course_lib import data, export, viz
from course_lib.data import ImageSet, PairedFaces, Pairs
from course_lib.evaluation import best_threshold, cosine_scores
from course_lib.evaluation.kfold import fold_numbers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def paired(photographs: Tensor) -> PairedFaces:
    orl = data.orl_faces().subset(range(100))
    faces = ImageSet(photographs[:100], orl.labels, orl.names, orl.source)
    left = np.arange(100)
    right = np.concatenate([left.reshape(10, 10)[:, ::-1].ravel()[:50], (left[50:] + 37) % 50])
    return PairedFaces(faces, Pairs(left, right, np.arange(100) < 50), ())


@pytest.fixture(scope="module")
def files(in_pytorch: export.Runtime, fp32: Path, int8: Path) -> dict[str, Path | export.Runtime]:
    return {"fp32": fp32, "int8": int8, "PyTorch": in_pytorch}


@pytest.fixture(scope="module")
def found(files: dict[str, Path | export.Runtime], paired: PairedFaces) -> export.Report:
    return export.report(files, paired, rounds=3, n_folds=5)


@pytest.mark.slow
def test_each_figure_is_what_it_says(found, files, paired):
    int8, fp32 = (export.Runtime(files[name]) for name in ("int8", "fp32"))
    ours, first = int8.embed(paired.faces), fp32.embed(paired.faces)
    file = found["int8"]
    assert list(found) == ["fp32", "int8", "PyTorch"]
    assert file.bytes == len(files["int8"].read_bytes())
    assert file.peak_activation_bytes == int8.peak_activation_bytes() and file.arena_bytes is None
    assert len(file.latency.milliseconds) == 3 and 0 < file.latency.minimum <= file.latency.median
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(first, axis=1)
    assert file.cosine == pytest.approx(((ours * first).sum(1) / lengths).mean(), abs=1e-5)
    assert found["fp32"].cosine == pytest.approx(1, abs=1e-6) and found["PyTorch"].cosine == pytest.approx(1, abs=1e-4)


def test_a_file_that_is_not_trusted_has_the_same_figures(found, files, paired):
    apart = export.Runtime(files["int8"], trusted=False)
    other = export.report({"fp32": files["fp32"], "int8": apart}, paired, rounds=1, n_folds=5)["int8"]
    assert other.cosine == found["int8"].cosine and other.accuracy.mean == found["int8"].accuracy.mean
    assert other.peak_activation_bytes == found["int8"].peak_activation_bytes and other.latency.minimum > 0


@pytest.mark.parametrize("own", [True, False])
def test_accuracy_is_that_of_each_fold_with_its_own_or_the_first_files_threshold(own, found, files, paired):
    pairs, folds = paired.pairs, fold_numbers(paired.pairs.same, 5)
    scores = {
        name: cosine_scores(export.Runtime(files[name]).embed(paired.faces), pairs.left, pairs.right)
        for name in ("fp32", "int8")
    }
    right = []
    for fold in range(5):
        held_out = folds == fold
        threshold = best_threshold(scores["int8" if own else "fp32"][~held_out], pairs.same[~held_out])
        right.append(((scores["int8"][held_out] >= threshold) == pairs.same[held_out]).mean())
    file = found["int8"]
    assert (file.accuracy.mean if own else file.accuracy_at_first) == pytest.approx(np.mean(right))


def test_the_first_loses_nothing_by_its_own_thresholds(found):
    assert found["fp32"].accuracy_at_first == found["fp32"].accuracy.mean


def test_table_text_and_figure(found):
    table = found.table()
    assert table["file"].tolist() == ["fp32", "int8", "PyTorch"]
    assert table["bytes"].tolist() == [file.bytes for file in found.values()]
    assert table["activation bytes"].dtype == "Int64" and table["arena bytes"].isna().all()
    assert f" {found['int8'].peak_activation_bytes} " in str(found) and " - " in str(found)
    assert "NA" not in str(found)
    assert "100 photographs" in str(found) and "accuracy %" in str(found)
    disk, memory, time, errors = viz.bars(found.panels(), unit=found.UNITS, title="T").axes
    assert disk.get_xlabel() == memory.get_xlabel() == "kilobytes" and disk.get_xlim() == memory.get_xlim()
    assert time.get_xlabel().startswith("milliseconds") and errors.get_xlabel().startswith("wrong decisions")


def test_a_budget_says_yes_or_no_and_why(found):
    int8 = found["int8"]
    needed = int8.bytes + int8.peak_activation_bytes
    assert int8.fits(needed, including_weights=True) and not int8.fits(needed - 1, including_weights=True)
    assert int8.fits(int8.peak_activation_bytes, including_weights=False)
    assert f"{int8.bytes:,}" in int8.fits("2MB", including_weights=True).why


def test_another_networks_cosine_means_nothing(files, paired, tmp_path):
    other = mean_colour(tmp_path / "other.onnx", [3, 48, 48])
    found = export.report([files["fp32"], other], paired, rounds=1, n_folds=5)
    assert np.isnan(found["other.onnx"].cosine) and found["network.onnx"].cosine == pytest.approx(1)


def test_bad_input_is_refused(network, files, paired, tmp_path):
    with pytest.raises(ValueError, match="there is no file to report on"):
        export.report([], paired)
    with pytest.raises(ValueError, match=r"files are named network\.onnx, network\.onnx; expected names that differ"):
        export.report([files["fp32"], files["fp32"]], paired)
    in_memory = export.Runtime.of(network, "mine")
    with pytest.raises(ValueError, match="mine is in memory and has no file; write it first"):
        export.report({"a": files["fp32"], "b": in_memory}, paired)
    with pytest.raises(ValueError, match=r"the faces are \(3, 48, 48\), but wrong\.onnx takes \(3, 32, 32\)"):
        export.report([mean_colour(tmp_path / "wrong.onnx", [3, 32, 32])], paired)
