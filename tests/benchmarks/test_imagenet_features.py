from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import imagenet_features
from benchmarks.imagenet_features import in_colour, main, measure, of_split
from course_lib import backbones, data, record


def test_of_a_split_by_hand():
    faces = data.orl_faces().resized(12, 10)

    def who(photographs: data.ImageSet) -> np.ndarray:
        """The number of the person in the first column, a constant in the second."""
        return np.stack([photographs.labels.numpy(), np.full(len(photographs), 7)], axis=1).astype(np.float32)

    assert of_split(lambda photographs: 10 * np.eye(30)[photographs.labels], faces, seed=0)["named"] == 100
    # Thirty people are numbered 0 to 29.
    assert of_split(who, faces, seed=0)["spread"] == (29 + 0) / 2


def test_each_size_and_seed_is_a_run_and_each_size_a_row():
    def small(size: tuple[int, int]) -> torch.nn.Module:
        return backbones.create("efficientnet_lite0", width=0.25, input_size=size, seed=0).eval()

    figures = measure(small, [(48, 40), (40, 32)], seeds=(0, 1))
    assert [(run["size"], run["seed"]) for run in figures["runs"]] == [
        ([48, 40], 0),
        ([48, 40], 1),
        ([40, 32], 0),
        ([40, 32], 1),
    ]
    assert [row["name"] for row in figures["comparisons"]] == [
        "named rightly, 48x40 pixels",
        "named rightly, 40x32 pixels",
    ]
    named = [run["named"] for run in figures["runs"][:2]]
    assert figures["comparisons"][0]["value"] == pytest.approx(np.mean(named))
    assert 100 / 30 < min(named) <= 100 and all(run["spread"] > 0 for run in figures["runs"])


def test_grey_becomes_three_equal_colours():
    faces = data.orl_faces().resized(8, 8).subset([0])

    class Channels(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((2, 3))

    means = in_colour(Channels(), faces)
    assert means.shape == (1, 3) and np.ptp(means) < 1e-6


def test_without_the_weights_the_script_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python data_scripts/get_efficientnet_lite0\.py"):
        main()


def test_the_record_is_of_these_sizes_and_seeds():
    runs = record("imagenet_features")["figures"]["runs"]
    wanted = [(list(size), seed) for size in imagenet_features.SIZES for seed in imagenet_features.SEEDS]
    assert [(run["size"], run["seed"]) for run in runs] == wanted
