from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import width_bits
from benchmarks.width_bits import BITS, NARROW, NETWORKS, RELU, SEEDS, WIDE, compare, measure, plan, trained
from course_lib import backbones, data, export, training, weights

SIZE = 48


def test_every_network_has_its_first_seed_before_any_has_a_second():
    recipes = plan()
    assert [(r.network, r.width) for r in recipes] == list(NETWORKS) * len(SEEDS)
    assert [recipe.seed for recipe in recipes] == sorted(recipe.seed for recipe in recipes)
    same = {replace(recipe, network="", width=1.0, seed=0) for recipe in recipes}
    assert len(same) == 1 and len({width_bits.place(recipe) for recipe in recipes}) == len(recipes)


@pytest.mark.slow
def test_the_narrow_network_takes_nearly_as_many_bytes_in_32_bits_as_the_wide_one_in_8(tmp_path):
    narrow = backbones.create(RELU, width=NARROW, embedding_dim=192, seed=0).eval()
    for module in narrow.modules():
        if isinstance(module, nn.BatchNorm2d):  # untrained, many biases are alike, and the file holds them once
            nn.init.normal_(module.bias)
    fp32 = export.to_onnx(narrow, tmp_path / "narrow.onnx").stat().st_size
    assert WIDE == weights.MODELS["mobilefacenet_075_relu"].options["width"]
    assert fp32 == pytest.approx(weights.int8_file("mobilefacenet_075_relu").stat().st_size, rel=0.03)


def test_each_student_is_kept_and_the_teacher_is_asked_once(monkeypatch, tmp_path):
    asked = []

    def distil(faces, teacher, folder, recipe, **options):
        if not (folder / "teacher.safetensors").exists():
            asked.append(folder)
            (folder / "teacher.safetensors").write_text("embeddings")
        return recipe.student(teacher_dim=8).eval(), None

    monkeypatch.setattr(width_bits, "distil", distil)
    recipes = [replace(recipe, width=0.1) for recipe in plan()[::4]]
    students = [trained("faces", "teacher", tmp_path, recipe) for recipe in recipes]
    assert len(asked) == 1
    for recipe, student in zip(recipes, students, strict=True):
        again = replace(recipe, seed=9).student(teacher_dim=8)
        training.load_weights(again, tmp_path / width_bits.place(recipe) / "student.safetensors")
        assert all(map(torch.equal, again.state_dict().values(), student.state_dict().values()))


@pytest.mark.slow
def test_both_files_of_a_student_are_measured(tmp_path, shallow):
    student = backbones.create(RELU, width=0.1, embedding_dim=16, input_size=SIZE, seed=0).eval()
    crops = torch.randint(0, 256, (40, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    some = data.Pairs(np.arange(20), np.arange(20, 40), np.arange(20) % 2 == 0)
    found = measure(student, tmp_path, data.normalise(crops[:16]).numpy(), crops, {"dev_train": some, "dev_test": some})
    assert found["parameters"] == sum(parameter.numel() for parameter in student.parameters())
    assert found["fp32"]["bytes"] == (tmp_path / "student.onnx").stat().st_size
    assert found["int8"]["bytes"] == (tmp_path / "student.int8.onnx").stat().st_size < found["fp32"]["bytes"]
    assert 0.9 < found["int8"]["cosine"] < 1 and found["int8"]["accuracy_kept"] <= 1
    # The file of 32 bits says what the network says.
    by_network = width_bits.verified(training.embed(student, crops), {"dev_train": some, "dev_test": some})
    assert by_network["auc"] == pytest.approx(found["fp32"]["auc"], abs=1e-3)


def test_the_table_has_every_file_and_pairs_the_seeds():
    def one(network: str, width: float, seed: int) -> dict:
        fp32 = {"bytes": 2_000_000 * width, "accuracy": 0.9 + 0.01 * seed, "auc": 0.99}
        return {"network": network, "width": width, "seed": seed, "fp32": fp32, "int8": eight(fp32)}

    def eight(fp32: dict) -> dict:
        return {
            **fp32,
            "bytes": fp32["bytes"] / 4,
            "accuracy": fp32["accuracy"] - 0.01,
            "accuracy_kept": 0.8,
            "cosine": 1,
        }

    rows = {row["name"]: row for row in compare([one(*network, seed) for seed in SEEDS for network in NETWORKS])}
    assert sum(name.startswith("accuracy; ") and " - " not in name for name in rows) == len(NETWORKS) * len(BITS)
    wide = rows[f"accuracy; {RELU}, width {WIDE:g}, fp32"]
    assert wide["value"] == pytest.approx(91) and wide["high"] - 91 == pytest.approx(4.3027 / np.sqrt(3), abs=1e-3)
    lost = rows[f"accuracy; {RELU}, width {WIDE:g}, int8 - {RELU}, width {WIDE:g}, fp32"]
    assert lost["value"] == pytest.approx(-1) and lost["low"] == pytest.approx(-1) and lost["unit"] == "points"
    assert rows[f"size; {RELU}, width {WIDE:g}, int8"]["value"] == pytest.approx(0.375)
    assert f"cosine to fp32; {RELU}, width {WIDE:g}, fp32" not in rows
