from __future__ import annotations

import pytest
import torch

from benchmarks import backbone_accuracy
from benchmarks.backbone_accuracy import PIXELS, compare, half_size, sweep
from course_lib import backbones


@pytest.mark.slow
def test_every_face_network_takes_half_its_size():
    with torch.device("meta"):  # without the weights, of which there are gigabytes
        for name in backbones.available():
            if name not in backbone_accuracy.DIGITS_ONLY:
                height, width = half_size(name)
                backbones.create(name, input_size=(height, width), in_channels=1, seed=0)
        assert half_size("mobilefacenet") == (56, 56)
        assert half_size("inception_v3") == (152, 152)


@pytest.mark.slow
def test_the_record_holds_each_network_with_its_cost_and_resumes(monkeypatch, records):
    figures = sweep(["mobiface_one_each"], (0,), epochs=1)
    assert [run["name"] for run in figures["runs"]] == [PIXELS, "mobiface_one_each"]
    pixels, network = (run["accuracy"] for run in figures["runs"])
    assert 0.7 < pixels["verification"] < 0.95 and pixels.keys() == {"verification"}
    assert 0.4 < network["verification"] <= 1 and 0 < network["training"] < 1
    cost = figures["networks"]["mobiface_one_each"]
    assert cost["input_size"] == [56, 56] and cost["parameters"] < 770_176 < cost["fp32_bytes"] and cost["macs"] > 1e7
    monkeypatch.setattr(backbone_accuracy, "train", lambda *_: pytest.fail("trained again"))
    assert sweep(["mobiface_one_each"], (0,), epochs=1)["runs"] == figures["runs"]


def test_the_comparison_is_the_mean_over_seeds_in_percent():
    runs = [
        {"name": "a", "seed": seed, "accuracy": {"verification": value}} for seed, value in enumerate((0.8, 0.82, 0.84))
    ]
    (row,) = compare(runs)
    assert (row["name"], row["value"], row["unit"]) == ("a", 82, "%") and row["low"] < 80 < 84 < row["high"]
