from __future__ import annotations

import sys
from pathlib import Path

import fake_litert
import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from course_lib.training import embed, fingerprint
from course_lib.weights.teacher import load_teacher


@pytest.fixture
def litert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", fake_litert.module())
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", fake_litert.module())


def file(folder: Path, content: str) -> Path:
    path = folder / "teacher.tflite"
    path.write_text(content)
    return path


@pytest.mark.usefixtures("litert")
def test_the_network_in_pytorch_is_the_one_of_the_file(tmp_path):
    teacher = load_teacher(file(tmp_path, "seed 1"))
    images = torch.randn(3, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    by_litert, by_pytorch = teacher(images), teacher.in_pytorch(images)
    assert by_litert.shape == (3, 192) and torch.allclose(by_litert.norm(dim=1), torch.ones(3))
    assert torch.allclose(by_litert, by_pytorch, atol=1e-5)
    assert torch.allclose(teacher(images.flip(-1)), by_litert, atol=1e-6), "mirror images are summed"
    assert not torch.allclose(by_litert[0], by_litert[1], atol=1e-2)


@pytest.mark.usefixtures("litert")
def test_the_upright_copy_stands_one_row_lower_and_leaves_the_teacher_alone(tmp_path):
    teacher = load_teacher(file(tmp_path, "seed 1"))
    before = fingerprint(teacher)
    # Rows that repeat every 16 pixels look the same to a map that stands one row lower, but for the rim.
    tile = torch.randn(2, 3, 16, 112, generator=torch.Generator().manual_seed(0))
    images = tile.repeat(1, 1, 7, 1)
    upright = teacher.upright()
    with torch.no_grad():
        theirs = teacher.in_pytorch(images)
        ours = upright(images) + upright(images.flip(-1))
    assert fingerprint(teacher) == before
    assert upright.head[1][0].weight[:, :, 0].abs().max() == 0
    assert cosine_similarity(ours, theirs).min() > 0.5


@pytest.mark.usefixtures("litert")
def test_it_embeds_like_any_backbone(tmp_path):
    teacher = load_teacher(file(tmp_path, "seed 2"))
    pixels = torch.randint(256, (2, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert np.allclose(np.linalg.norm(embed(teacher, pixels), axis=1), 1, atol=1e-5)
    with pytest.raises(ValueError, match=r"shape \(1, 3, 64, 64\); this network expects \(N, 3, 112, 112\)"):
        teacher(torch.zeros(1, 3, 64, 64))


@pytest.mark.usefixtures("litert")
def test_other_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="is no TensorFlow Lite file"):
        load_teacher(file(tmp_path, "something else"))
    with pytest.raises(ValueError, match="another network: its convolutions have other shapes"):
        load_teacher(file(tmp_path, "seed 1 wide"))
    monkeypatch.setattr(fake_litert, "BOTTLENECK_ROWS", fake_litert.BOTTLENECK_ROWS[:-1])
    with pytest.raises(ValueError, match="another network: 49 convolutions; the teacher has 52"):
        load_teacher(file(tmp_path, "seed 1"))


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="python data_scripts/get_teacher.py"):
        load_teacher()
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "face-course\[litert\]"'):
        load_teacher(file(tmp_path, "seed 1"))
