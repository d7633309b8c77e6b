"""The report of files whose figures are chosen, and of files so small that they are measured at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx_files import mean_colour

from course_lib import export
from course_lib.cost import Latency
from course_lib.data import ImageSet, PairedFaces, Pairs, normalise
from course_lib.evaluation import Interval, KFoldAccuracy
from course_lib.evaluation.kfold import best_threshold, fold_numbers


def made(name: str = "int8", arena: int | None = None, peak: int | None = 40_000) -> export.FileReport:
    folds, thresholds = np.array([0.9, 1.0, 0.95]), np.array([0.125, 0.25, 0.3751])
    accuracy = KFoldAccuracy(0.98764, 0.05, folds, thresholds, Interval(0.95432, 0.99876))
    return export.FileReport(name, 60_500, peak, arena, Latency((9.0, 1.23456, 2.34567)), 0.987654, accuracy, 0.876543)


def test_a_row_is_rounded_as_it_is_read() -> None:
    report = export.Report([made(), made("fp32", arena=30_000, peak=None)], "12 pairs")
    table = report.table()
    assert table["arena bytes"].isna().tolist() == [True, False] and table["arena bytes"].dtype == "Int64"
    assert table["activation bytes"].isna().tolist() == [False, True] and table["activation bytes"].dtype == "Int64"
    first, second = table.to_dict("records")
    del first["arena bytes"]
    assert first == {
        "file": "int8",
        "bytes": 60_500,
        "activation bytes": 40_000,
        "ms, minimum": 1.23,
        "ms, median": 2.35,
        "cosine to first": 0.9877,
        "accuracy %": 98.76,
        "from": 95.43,
        "to": 99.88,
        "threshold": 0.25,
        "accuracy % at first's threshold": 87.65,
    }
    assert second["file"] == "fp32" and second["arena bytes"] == 30_000
    header, *rows, last = str(report).splitlines()
    assert last == "12 pairs" and header.split()[:3] == ["file", "bytes", "activation"]
    assert rows[0].split()[:4] == ["int8", "60500", "40000", "-"]
    assert rows[1].split()[:4] == ["fp32", "60500", "-", "30000"]
    assert not rows[0].startswith("0")


def test_the_panels_are_what_is_better_small() -> None:
    report = export.Report([made(), made("fp32", peak=None)], "12 pairs")
    panels = report.panels()
    errors = pytest.approx((0.124, 1.236, 4.568))
    assert panels["on disk"] == {"int8": 60.5, "fp32": 60.5}
    assert panels["of activations at once"] == {"int8": 40.0, "fp32": None}
    assert panels["milliseconds a face (minimum)"] == {"int8": 1.23456, "fp32": 1.23456}
    assert panels["wrong decisions in 100 pairs (95 % interval)"] == {"int8": errors, "fp32": errors}
    assert len(panels) == 4
    assert report.UNITS == {"on disk": "kilobytes", "of activations at once": "kilobytes"}
    assert len(report) == 2 and list(report) == ["int8", "fp32"] and report["fp32"].name == "fp32"


def test_the_arena_counts_where_it_is_known() -> None:
    assert made().fits(40_000, including_weights=False) and not made().fits(39_999, including_weights=False)
    assert made().fits(100_500, including_weights=True) and not made().fits(100_499, including_weights=True)
    known = made(arena=50_000)
    assert known.fits(50_000, including_weights=False) and not known.fits(49_999, including_weights=False)
    assert made(arena=0, peak=None).fits(0, including_weights=False)
    with pytest.raises(ValueError, match="int8 does not tell what its activations take; report the network's ONNX"):
        made(peak=None).fits("2MB", including_weights=False)
    assert made().threshold == pytest.approx((0.125 + 0.25 + 0.3751) / 3)


def colours(n: int = 24) -> PairedFaces:
    """Faces of one colour each, which their network gives back; genuine pairs are of more similar ones."""
    generator = torch.Generator().manual_seed(3)
    base = torch.randint(256, (n // 2, 3, 1, 1), generator=generator).repeat_interleave(2, 0)
    pixels = (base + torch.randint(-60, 61, (n, 3, 1, 1), generator=generator)).clamp(0, 255).to(torch.uint8)
    faces = ImageSet(pixels.expand(n, 3, 8, 8).clone(), torch.arange(n) // 2, tuple(map(str, range(n // 2))), "colours")
    left = np.concatenate([np.arange(0, n, 2), np.arange(0, n, 2)])
    right = np.concatenate([np.arange(1, n, 2), (np.arange(0, n, 2) + 5) % n])
    return PairedFaces(faces, Pairs(left, right, np.arange(n) < n // 2), ())


def test_small_files_are_measured_as_by_hand(tmp_path) -> None:
    paired = colours()
    names = ["b.onnx", "a.onnx"]
    paths = [mean_colour(tmp_path / name, [3, 8, 8]) for name in names]
    found = export.report(paths, paired, rounds=2, n_folds=3)
    embeddings = normalise(paired.faces.images).mean((2, 3)).double().numpy()
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    scores, same = (unit[paired.pairs.left] * unit[paired.pairs.right]).sum(1), paired.pairs.same
    folds = fold_numbers(same, 3)
    cuts = np.array([best_threshold(scores[folds != fold], same[folds != fold]) for fold in range(3)])
    shares = [((scores >= cuts[fold]) == same)[folds == fold].mean() for fold in range(3)]
    assert list(found) == names and 0.5 < np.mean(shares) < 1
    for name, path in zip(names, paths, strict=True):
        file = found[name]
        assert (file.bytes, file.arena_bytes) == (path.stat().st_size, None)
        assert file.accuracy.mean == pytest.approx(np.mean(shares)) == pytest.approx(file.accuracy_at_first)
        assert file.threshold == pytest.approx(cuts.mean(), abs=1e-5) and file.cosine == pytest.approx(1, abs=1e-6)
        assert len(file.latency.milliseconds) == 2
    assert str(found).endswith(str(paired))
    mirrored = export.report({"one": paths[0]}, paired, rounds=1, n_folds=3, flip=True)
    assert mirrored["one"].accuracy.mean == pytest.approx(np.mean(shares))  # a colour is its own mirror image


def test_the_thresholds_of_the_first_are_used_for_the_others(tmp_path) -> None:
    """The other network gives all faces nearly one direction: at the first one's thresholds it accepts every pair."""
    paired = colours()
    first = export.Runtime(mean_colour(tmp_path / "first.onnx", [3, 8, 8]))
    other = export.Runtime(mean_colour(tmp_path / "other.onnx", [3, 8, 8]))
    forward = other._loaded.forward
    object.__setattr__(other._loaded, "forward", lambda images: forward(images) + 50)
    object.__setattr__(other._loaded, "prepared", None)
    found = export.report([first, other], paired, rounds=1, n_folds=3)
    assert found["other.onnx"].accuracy_at_first == 0.5 < found["other.onnx"].accuracy.mean
    embeddings = first.embed(paired.faces)
    shifted = embeddings + 50
    cosine = (embeddings * shifted).sum(1) / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(shifted, axis=1)
    assert found["other.onnx"].cosine == pytest.approx(cosine.mean(), abs=1e-5)
