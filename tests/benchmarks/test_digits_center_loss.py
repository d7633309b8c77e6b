from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import digits_center_loss as benchmark
from benchmarks.record import read_record
from course_lib.data import ImageSet
from course_lib.losses import Softmax


@pytest.fixture
def sets() -> tuple[ImageSet, ImageSet]:
    """200 and 40 images of ten classes, each a bright row of its own."""
    pixels = torch.randint(60, (240, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(240) % 10
    pixels[torch.arange(240), 0, 2 * labels] = 255
    everything = ImageSet(pixels, labels, tuple("0123456789"), "drawn rows")
    return everything.subset(range(200)), everything.subset(range(200, 240))


def test_the_sweep_records_each_run_and_goes_on_where_it_stopped(sets, monkeypatch):
    variants = ((0, "wen", 0.5), (0.3, "wen", 0.5))
    first = benchmark.sweep(*sets, variants[:1], (0,), epochs=1)
    figures = benchmark.sweep(*sets, variants, (0,), epochs=1)
    assert figures["runs"][0] == first["runs"][0]
    monkeypatch.setattr(benchmark, "one_run", None)
    assert benchmark.sweep(*sets, variants, (0,), epochs=1)["runs"] == figures["runs"]

    stored = read_record("digits_center_loss")["figures"]
    assert [(run["weight"], run["rule"], run["alpha"], run["seed"]) for run in stored["runs"]] == [
        (0, "wen", 0.5, 0),
        (0.3, "wen", 0.5, 0),
    ]
    for run in stored["runs"]:
        assert run["train"].keys() == run["test"].keys() == {"accuracy", "intra", "inter", "ratio"}
        assert np.shape(run["shown_features"]) == (10, 2) and len(stored["shown_labels"]) == 10
    compared = benchmark.compare(stored["runs"])
    softmax, center = (run["train"]["ratio"] for run in stored["runs"])
    assert compared[0]["value"] == pytest.approx(softmax / center, rel=1e-4) and compared[3]["value"] == 0


@pytest.mark.slow
def test_a_run_that_diverges_is_recorded_with_its_message(sets, monkeypatch):
    # Ten images of each class move the center by 10 x (1 - 0) residuals: it jumps past the mean, further each time.
    run = benchmark.one_run(*sets, 0.3, "moving_average", 0.0, 1, 30)
    assert "is not finite at step" in run["diverged"] and "test" not in run


def test_collapsed_features_are_a_finding():
    found = benchmark.describe(Softmax(2, 10, seed=0), np.ones((20, 2), dtype=np.float32), torch.arange(20) % 10)
    assert found["accuracy"] == 0.1 and "the embeddings have collapsed" in found["collapsed"]


def test_significant_digits():
    assert benchmark.significant(123.456) == 123.0 and benchmark.significant(-0.00123456) == -0.00123
