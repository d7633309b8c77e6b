from __future__ import annotations

import json
import sys
from pathlib import Path

import fake_litert
import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import data
from course_lib.training import fingerprint
from course_lib.weights.__main__ import main
from course_lib.weights.recipe import Recipe, described, distil
from course_lib.weights.teacher import Teacher, load_teacher

TINY = Recipe(width=0.125, copies=1, fitted=24, epochs=1, batch_size=24)


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Teacher:
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert", fake_litert.module())
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", fake_litert.module())
    file = tmp_path / "data" / "models" / "mobilefacenet_teacher.tflite"
    file.parent.mkdir(parents=True)
    file.write_text("seed 1")
    return load_teacher()


@pytest.fixture(scope="module")
def faces() -> data.ImageSet:
    grey = data.orl_faces().resized(112, 112).subset(range(24))
    return data.ImageSet(grey.images.repeat(1, 3, 1, 1), grey.labels, grey.names, grey.source)


@pytest.mark.slow
def test_a_run_leaves_no_photograph_and_a_second_call_finds_it_done(teacher, faces, tmp_path):
    folder = tmp_path / "run"
    student, history = distil(faces, teacher, folder, TINY)
    assert {file.name for file in folder.iterdir()} == {"teacher.safetensors", "start.safetensors", "run.ckpt"}
    assert len(history) == 1 and history.last["step"] == 2 and 0 < history.last["loss"] < 1
    again, its_history = distil(faces, teacher, folder, TINY)
    assert fingerprint(again) == fingerprint(student) and its_history.rows == history.rows


@pytest.mark.slow
def test_a_folder_of_another_run_is_refused(teacher, faces, tmp_path):
    distil(faces, teacher, tmp_path / "run", TINY)
    with pytest.raises(ValueError, match="another set of images"):
        distil(faces.subset(range(23)), teacher, tmp_path / "run", TINY)
    wider = Recipe(**{**vars(TINY), "width": 0.25})
    with pytest.raises(ValueError, match="holds another network"):
        distil(faces, teacher, tmp_path / "run", wider)


@pytest.mark.slow
def test_random_weights_are_another_start(teacher, faces, tmp_path):
    narrowed, _ = distil(faces, teacher, tmp_path / "narrowed", TINY)
    random, _ = distil(faces, teacher, tmp_path / "random", Recipe(**{**vars(TINY), "fitted": 0}))
    assert not (tmp_path / "random" / "start.safetensors").exists()
    assert fingerprint(random) != fingerprint(narrowed)


@pytest.mark.slow
@pytest.mark.usefixtures("teacher")
def test_the_command_writes_the_student_and_its_record(faces, tmp_path, monkeypatch, capsys):
    for index in range(20):
        file = tmp_path / "faces" / str(index % 2) / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.moveaxis(faces.images[index].numpy(), 0, 2)).save(file)
    monkeypatch.setattr("course_lib.weights.__main__.Recipe", lambda: TINY)
    main([str(tmp_path / "faces"), str(tmp_path / "run"), "--name", "tiny", "--precision", "32-true"])
    written = {file.name for file in (tmp_path / "run").iterdir()}
    assert {f"tiny.{ending}" for ending in ("safetensors", "onnx", "int8.onnx", "json")} < written
    record = json.loads((tmp_path / "run" / "tiny.json").read_text())
    assert record["recipe"] == json.loads(json.dumps(described(TINY))) and len(record["history"]) == 1
    assert record["photographs"] == 20 and record["people"] == 2
    assert "cosine distance to the teacher" in capsys.readouterr().out


def test_the_shipped_student_is_this_big():
    student = Recipe().student(192)
    assert sum(parameter.numel() for parameter in student.parameters()) == 655_360
    assert student(torch.zeros(2, 3, 112, 112)).shape == (2, 192)
