from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import ptq_qat
from benchmarks.ptq_qat import IN_8_BITS, IN_FLOAT, SCHEMES, SEEDS, SHIPPED, WAYS, compare, drawn, measured, plan, tuned
from course_lib import backbones, data

SMALL = {"width": 0.1, "embedding_dim": 8, "input_size": 32}


@pytest.fixture
def faces() -> data.ImageSet:
    images = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return data.ImageSet(images, torch.arange(40) // 10, tuple("abcd"), "noise")


@pytest.fixture
def network(shallow) -> torch.nn.Module:
    return backbones.create("mobilefacenet_relu", seed=0, **SMALL)


def test_every_way_is_taken_with_every_seed_and_differs_in_one_argument():
    assert sorted(plan()) == sorted((way, seed) for way in WAYS for seed in SEEDS)
    assert list(WAYS.values()) == [None, False, True]


def test_the_shipped_network_takes_no_step(network, faces, tmp_path):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert tuned(network, faces, torch.empty(0), tmp_path, quantize=None, seed=0) is network
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_both_kinds_of_tuning_see_the_same_photographs_and_their_own_teachers(network, faces, tmp_path, monkeypatch):
    monkeypatch.setattr(ptq_qat, "STEPS", 3)
    monkeypatch.setattr(ptq_qat, "BATCH", 8)
    taught = torch.nn.functional.one_hot(torch.arange(40) % 8, 8).float()  # tells photographs apart
    seen = []

    def fit(network, criterion, pictures, *, precision, quantize, epochs, batch_size, seed, **options):
        assert (precision, epochs, batch_size, seed) == ("32-true", 1, 8, 1)
        assert options["schedule"].total_steps == 3 and options["optimizer"].defaults["lr"] > 0
        seen.append((quantize, pictures.labels.tolist(), torch.equal(pictures.images, faces.images[pictures.labels])))
        assert torch.equal(criterion(taught[pictures.labels], pictures.labels).total.round(), torch.tensor(0.0))

    monkeypatch.setattr(ptq_qat.training, "fit", fit)
    for quantize in (False, True):
        tuned(network, faces, taught, tmp_path, quantize=quantize, seed=1)
    assert seen == [(False, drawn(faces, 24, 1).tolist(), True), (True, drawn(faces, 24, 1).tolist(), True)]


@pytest.mark.slow
def test_each_network_is_measured_in_32_bits_and_in_8_by_each_scheme(network, faces, tmp_path):
    pair = np.arange(20)
    pairs = dict.fromkeys(("dev_train", "dev_test"), data.Pairs(pair, pair + 20, pair % 2 == 0))
    rows = list(measured(network, data.normalise(faces.images).numpy(), tmp_path, faces.images, pairs))
    assert [row["bits"] for row in rows] == ["32", *(f"8, {name}" for name in SCHEMES)]
    assert rows[0]["cosine"] == 1 and all(0 < row["cosine"] < 1 for row in rows[1:])
    assert all({"accuracy", "interval", "eer"} < set(row) and "threshold" not in row for row in rows)


def test_the_teachers_embeddings_are_taken_over(network, faces, tmp_path, monkeypatch):
    monkeypatch.setattr(ptq_qat, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(ptq_qat, "load_teacher", lambda threads: network)
    first = ptq_qat.teacher_says(faces, tmp_path / "runs" / "shipped_tried" / "copies 0, fitted 0")
    monkeypatch.setattr(ptq_qat.training.teaching, "embed", None)  # it is not asked again
    assert torch.equal(ptq_qat.teacher_says(faces, tmp_path / "runs" / "ptq_qat"), first)


def test_the_table_has_means_over_seeds_and_what_8_bits_lose():
    def row(way: str, seed: int, bits: str, accuracy: float) -> dict:
        return {"way": way, "seed": seed, "bits": bits, "accuracy": accuracy, "cosine": 1.0 if bits == "32" else 0.9}

    lost = {"32": 0.0, "8, per channel": 0.01, "8, per tensor": 0.4}
    gained = {SHIPPED: 0.0, IN_FLOAT: 0.0, IN_8_BITS: 0.005}
    runs = [
        row(way, seed, bits, 0.95 + 0.01 * seed - lost[bits] + (gained[way] if bits != "32" else 0))
        for seed in SEEDS
        for way in WAYS
        for bits in lost
    ]
    table = {one["name"]: one for one in compare(runs) if not one["name"].startswith(" ")}
    assert table["as shipped, 32 bits"]["value"] == pytest.approx(96)
    assert table["tuned in 8 bits, 8 bits, per tensor"]["value"] == pytest.approx(56.5)
    difference = table["8 bits, per channel: tuned in 8 bits - in float"]
    assert (difference["value"], difference["unit"]) == (pytest.approx(0.5), "points")
    points = [one for one in compare(runs) if "points lost" in one["name"]]
    assert [one["value"] for one in points] == pytest.approx([1, 40, 1, 40, 0.5, 39.5])
