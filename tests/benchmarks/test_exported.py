from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.comparison import Race, interleaved
from benchmarks.exported import EAGER, FACENET, FOLDED, FP32, INT8, TEACHER, accuracies, compare, milliseconds, turns
from course_lib.data import Pairs


def test_after_all_rounds_each_has_seen_every_photograph_once():
    crops = torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1).expand(10, 3, 112, 112).contiguous()
    seen: dict[str, list[torch.Tensor]] = {INT8: [], FACENET: []}
    calls = turns({name: seen[name].append for name in seen}, crops, rounds=5)
    for images in seen.values():
        images.clear()  # those of the warm-up
    interleaved(calls, rounds=5)
    for name, side in ((INT8, 112), (FACENET, 160)):
        assert [tuple(image.shape) for image in seen[name]] == [(1, 3, side, side)] * 10
        assert len({round(float(image.mean()), 4) for image in seen[name]}) == 10


def test_milliseconds_are_for_one_face():
    assert milliseconds(Race({"a": [1.0, 3.0, 2.0]}, 0.0), 100) == {"a": {"minimum": 10.0, "median": 20.0}}


def test_each_chooses_its_own_threshold_and_both_decide_on_the_same_pairs():
    generator = np.random.default_rng(0)
    people = generator.normal(size=(40, 8)).repeat(2, 0)
    embeddings = {name: people + 0.3 * generator.normal(size=people.shape) for name in (INT8, FP32)}
    first = np.arange(0, 80, 2)
    left, right = np.concatenate([first, first]), np.concatenate([first + 1, np.roll(first, 1)])
    pairs = Pairs(left, right, np.arange(80) < 40)
    crops = torch.zeros(80, 3, 4, 4, dtype=torch.uint8)
    embeds = {name: lambda _, found=found: found.astype(np.float32) for name, found in embeddings.items()}
    found = accuracies(embeds, crops, {"dev_train": pairs, "dev_test": pairs})
    assert found[INT8]["accuracy"] > 0.9 and 0 <= found["int8 against fp32, p"] <= 1


def test_the_table_holds_what_was_promised_against_what_was_found():
    names = (INT8, FP32, EAGER, FOLDED, TEACHER, FACENET)
    race = Race({name: [float(number)] * 2 for number, name in enumerate(names, 1)}, 0.0)
    figures = {
        "bytes": dict.fromkeys(names, 900_000),
        "milliseconds": milliseconds(race, 50),
        "view1": {
            INT8: {"accuracy": 0.97, "interval": [0.96, 0.98]},
            FP32: {"accuracy": 0.98, "interval": [0.97, 0.99]},
            "int8 against fp32, p": 0.5,
        },
    }
    rows = {row["name"]: row for row in compare(figures, race)}
    assert rows["int8 file"]["verdict"] == "met"
    assert rows[f"time: {INT8} / {FP32}"]["value"] == 0.5 and rows[f"time: {INT8} / {FP32}"]["verdict"] == "met"
    assert rows[f"time: {INT8} / {EAGER}"]["verdict"] == "missed"
    assert rows["View 1: what int8 loses"]["value"] == pytest.approx(1.0)
    assert rows["View 1: what int8 loses"]["verdict"] == "missed"
