from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import shipped_tried
from benchmarks.shipped_tried import (
    DISTILLED,
    LOOKS,
    NAMES,
    NARROWED,
    UNTRAINED,
    by_names,
    compare,
    first_weights,
    ways,
)
from course_lib import backbones, data, training
from course_lib.weights.recipe import Recipe

SMALL = {"network": "mobilefacenet_relu", "width": 0.1}


@pytest.fixture
def faces() -> data.ImageSet:
    images = torch.randint(0, 256, (8, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return data.ImageSet(images, torch.arange(8) // 2, tuple("abcd"), "noise")


def test_all_take_the_same_number_of_looks_and_only_one_thing_changes_at_a_time():
    assert all(recipe.epochs * (1 + recipe.copies) == LOOKS for recipe in DISTILLED.values())
    plain, narrowed, with_versions = DISTILLED.values()
    assert not plain.fitted and plain.copies == narrowed.copies == 0
    assert narrowed.fitted == with_versions.fitted == Recipe().fitted
    assert {recipe.rate for recipe in DISTILLED.values()} == {Recipe().rate}


def test_each_way_trains_in_a_place_of_its_own_and_asks_the_teacher_once(monkeypatch, tmp_path, faces):
    asked, trained = [], []

    def distil(faces, teacher, folder, recipe, **options):
        if not (folder / "teacher.safetensors").exists():
            asked.append(recipe.copies)
            (folder / "teacher.safetensors").write_text("embeddings")
        trained.append(folder)
        return folder, None

    monkeypatch.setattr(shipped_tried, "distil", distil)
    monkeypatch.setattr(shipped_tried, "load_teacher", lambda threads: "teacher")
    found = ways(faces, tmp_path)
    assert list(found) == [NAMES, *list(DISTILLED)[:2], UNTRAINED, *list(DISTILLED)[2:]]
    assert [found[name]() for name in DISTILLED] == trained
    assert len(set(trained)) == len(DISTILLED) and asked == [0, 1]


@pytest.mark.slow
def test_by_names_learns_them_and_goes_on(tmp_path, faces, monkeypatch):
    recipe = Recipe(**SMALL, copies=0, fitted=0, epochs=2, batch_size=4)
    monkeypatch.setattr(shipped_tried, "PRECISION", "32-true")
    student = by_names(faces, tmp_path / "names", recipe)
    assert training.embed(student, faces).shape == (8, shipped_tried.DIM)
    again = by_names(faces, tmp_path / "names", recipe)
    assert np.array_equal(training.embed(again, faces), training.embed(student, faces))


def test_the_first_weights_are_those_in_the_file(tmp_path):
    network = backbones.create("mobilefacenet_relu", width=NARROWED.width, embedding_dim=shipped_tried.DIM, seed=7)
    training.save_weights(network, tmp_path / "start.safetensors")
    found = first_weights(tmp_path / "start.safetensors").state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in network.state_dict().items())


def test_the_table_is_in_per_cent():
    (row,) = compare([{"way": NAMES, "accuracy": 0.9, "interval": [0.88, 0.92], "threshold": 0.2, "eer": 0.1}])
    assert (row["name"], row["value"], row["low"], row["high"], row["unit"]) == (NAMES, 90, 88, 92, "%")
