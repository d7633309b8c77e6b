from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks import training, training_accuracy
from benchmarks.record import read_record
from benchmarks.training import Size, measure
from course_lib.data import ImageSet

TINY = Size(width=0.05, input_size=(16, 16), channels=1, batch_size=4, steps=2, epochs=2, rounds=1)


@pytest.mark.slow
def test_the_record_has_speeds_and_ratios(monkeypatch, shallow):
    monkeypatch.setattr(torch, "compile", lambda module: module)  # compiling takes a minute
    figures = measure(TINY, TINY)
    names = {"plain loop", "fit", "bare loop"}
    assert figures["small"]["images_per_second"].keys() == names
    assert figures["large"]["images_per_second"].keys() == {*names, "fit(compile=True)"}
    assert figures["large"]["warm_up_seconds"].keys() == {*names, "fit(compile=True)"}
    assert all(speed > 0 for speed in figures["large"]["images_per_second"].values())
    assert [row["target"] for row in figures["comparisons"]] == [1.2, 1.5, None, 1.03, None, 1.03]


@pytest.mark.slow
def test_the_bare_loop_trains_what_fit_trains(monkeypatch):
    """So that the overhead is measured between two loops that do the same work."""
    images = training.random_images(TINY)
    networks: list[nn.Module] = []
    build = training.network
    monkeypatch.setattr(training, "network", lambda size: networks.append(build(size)) or networks[-1])
    head = training.Softmax(128, training.N_CLASSES, seed=training.SEED)
    monkeypatch.setattr(training.nn, "Linear", lambda *_: same_head(head))
    training.fit_turn(images, TINY)()
    training.bare_loop(images, TINY)()
    for name, tensor in networks[0].state_dict().items():
        assert torch.allclose(tensor.double(), networks[1].state_dict()[name].double(), atol=1e-6), name


def same_head(criterion: nn.Module) -> nn.Module:
    linear = nn.modules.linear.Linear(criterion.weight.shape[1], criterion.weight.shape[0])
    linear.weight.data.copy_(criterion.weight.data)
    linear.bias.data.copy_(criterion.bias.data)
    return linear


@pytest.fixture
def faces() -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (52, 1, 16, 16), dtype=torch.uint8, generator=generator)
    return ImageSet(pixels, torch.arange(13).repeat(4), tuple(map(str, range(13))), "noise")


@pytest.mark.slow
def test_accuracy_of_all_methods_is_recorded_compared_and_not_measured_twice(faces, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module: module)
    options = {"width": 0.05, "epochs": 1, "batch_size": 6, "n_pairs": 60, "seeds": (0, 1)}
    figures = training_accuracy.measure(faces, **options)
    assert len(figures["runs"]) == 6 and all(0.2 < run["accuracy"] < 0.8 for run in figures["runs"])
    names = [row["name"] for row in figures["comparisons"]]
    assert names[3:] == ["fit - plain loop", "fit(compile=True) - plain loop"]
    assert read_record("training_accuracy")["figures"]["runs"] == figures["runs"]
    monkeypatch.setattr(training_accuracy, "trained", None)
    assert training_accuracy.measure(faces, **options) == figures


@pytest.mark.parametrize(("gap", "equal"), [((0.01, -0.01, 0.0), True), ((-0.05, -0.051, -0.049), False)])
def test_the_conclusion_follows_from_the_figures(gap, equal):
    runs = [
        {"method": method, "seed": seed, "accuracy": 0.9 + (gap[seed] if method == "fit" else 0.0)}
        for method in training_accuracy.METHODS
        for seed in range(3)
    ]
    figures = training_accuracy.conclude(runs, range(3))
    assert figures["equal_within_noise"] is equal
    difference = next(row for row in figures["comparisons"] if row["name"] == "fit - plain loop")
    assert difference["value"] == pytest.approx(100 * sum(gap) / 3, abs=1e-6)
