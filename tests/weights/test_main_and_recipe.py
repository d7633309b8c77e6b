"""What the training of the shipped model is asked to do, with stand-ins for the long work; see test_recipe for it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course_lib.data import ImageSet, RandomFlip, normalise
from course_lib.training import History
from course_lib.weights import __main__ as command
from course_lib.weights import recipe as module
from course_lib.weights.recipe import AUGMENT, Recipe, described, distil

FACES = ImageSet(torch.zeros(5, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 0, 1, 1, 1]), ("ada", "bob"), "drawn")
ROWS = [{"epoch": 1, "loss": 0.5, "seconds": 3600.0}, {"epoch": 2, "loss": 0.25, "seconds": 2124.0}]


def test_the_command_trains_and_writes_all_it_says(tmp_path, monkeypatch, capsys) -> None:
    calls: list[tuple] = []

    def noted(name: str, answer: object = None):
        return lambda *given, **options: calls.append((name, *given, options)) or answer

    monkeypatch.setattr(command, "face_folder", noted("faces", FACES))
    monkeypatch.setattr(command, "load_teacher", lambda: "a teacher")
    monkeypatch.setattr(command, "distil", noted("distil", ("a student", History(ROWS))))
    monkeypatch.setattr(command, "save_weights", noted("save"))
    monkeypatch.setattr(command, "calibration_images", noted("calibration", "some images"))
    export = SimpleNamespace(to_onnx=noted("onnx", "a file"), quantize=noted("quantize"))
    monkeypatch.setattr(command, "export", export)
    monkeypatch.setattr(command, "cores", lambda: 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    command.main(["photographs", str(tmp_path), "--name", "tiny"])
    assert calls == [
        ("faces", Path("photographs"), {"size": (112, 112)}),
        ("distil", FACES, "a teacher", tmp_path, Recipe(), {"precision": "bf16-mixed"}),
        ("save", "a student", tmp_path / "tiny.safetensors", {}),
        ("onnx", "a student", tmp_path / "tiny.onnx", {}),
        ("calibration", FACES, 0, {}),
        ("quantize", "a file", "some images", tmp_path / "tiny.int8.onnx", {}),
    ]
    record = json.loads((tmp_path / "tiny.json").read_text(encoding="utf-8"))
    assert record.pop("date") == datetime.now(timezone.utc).date().isoformat()
    assert record == {
        "photographs": 5,
        "people": 2,
        "recipe": described(Recipe()),
        "precision": "bf16-mixed",
        "threads": 2,
        "cores": 3,
        "torch": torch.__version__,
        "training_hours": 1.59,
        "history": ROWS,
    }
    assert capsys.readouterr().out == "cosine distance to the teacher 0.2500, 1.59 hours of training\n"
    calls.clear()
    command.main(["photographs", str(tmp_path), "--precision", "32-true"])
    assert (tmp_path / "student.json").is_file() and calls[1][-1] == {"precision": "32-true"}


def test_the_help_says_what_is_asked_for(capsys) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "usage: python -m course_lib.weights [-h] [--name NAME] [--precision PRECISION] faces folder" in said
    for words in (
        "train the model that the course ships, by its recipe",
        "faces a folder of aligned 112x112 faces, IDENTITY/IMAGE.jpg",
        "folder for checkpoints and the result; start again to go on",
        "of the files; student by default",
        "as Lightning Fabric's; bf16-mixed by default",
    ):
        assert words in said


@pytest.mark.parametrize("fitted", [0, 3])
def test_every_number_of_the_recipe_reaches_the_training(fitted, tmp_path, monkeypatch) -> None:
    recipe = Recipe(width=0.125, copies=2, fitted=fitted, epochs=4, batch_size=6, rate=0.3, weight_decay=0.7, seed=5)
    network, asked, narrowed = nn.Linear(2, 3), {}, []
    taught = torch.arange(45.0).reshape(15, 3)
    pictures = FACES.subset([0, 1, 2, 3, 4] * 3)

    def teacher_embeddings(teacher: object, images: ImageSet, cache: Path, flip: bool):
        asked.update(teacher=teacher, images=images, cache=cache, flip=flip)
        return taught.numpy()

    def fit(*given: object, **options: object) -> History:
        asked.update(given=given, **options)
        return History(ROWS)

    monkeypatch.setattr(module, "views", lambda *given, **options: asked.update(views=(given, options)) or pictures)
    monkeypatch.setattr(module, "teacher_embeddings", teacher_embeddings)
    monkeypatch.setattr(module, "fit", fit)
    monkeypatch.setattr(module, "narrow", lambda *given: narrowed.append(given))
    monkeypatch.setattr(Recipe, "student", lambda self, dim: asked.update(dim=dim) or network)
    teacher = SimpleNamespace(upright=lambda: "upright")
    student, history = distil(FACES, teacher, str(tmp_path), recipe, precision="32-true")
    assert student is network and history.rows == ROWS
    assert asked["views"] == ((FACES, AUGMENT, 2), {"seed": 5}) and asked["dim"] == 3
    told = [asked[name] for name in ("teacher", "images", "cache", "flip")]
    assert told == [teacher, pictures, tmp_path / "teacher.safetensors", False]
    assert asked["given"][0] is network and asked["given"][2] is pictures
    assert torch.equal(asked["given"][1].teacher, nn.functional.normalize(taught))
    names = ("epochs", "batch_size", "augment", "checkpoint", "checkpoint_every", "seed", "precision")
    assert [asked[name] for name in names] == [4, 6, RandomFlip(), tmp_path / "run.ckpt", 50, 5, "32-true"]
    optimizer, schedule = asked["optimizer"], asked["schedule"]
    assert isinstance(optimizer, torch.optim.AdamW) and optimizer.defaults["fused"]
    assert optimizer.defaults["weight_decay"] == 0.7 and optimizer.defaults["lr"] == 0.3
    assert schedule.total_steps == 4 * 3 and optimizer.param_groups[0]["max_lr"] == 0.3
    assert schedule._schedule_phases[0]["end_step"] == pytest.approx(0.1 * 12 - 1)
    if not fitted:
        assert narrowed == [] and not (tmp_path / "start.safetensors").exists()
        return
    ((source, target, images, embeddings),) = narrowed
    some = torch.randperm(15, generator=torch.Generator().manual_seed(5))[:3]
    assert source == "upright" and target is network and torch.equal(embeddings, taught[some])
    assert torch.equal(images, normalise(pictures.images[some]))
    before = network.weight.detach().clone()
    network.weight.data.zero_()
    distil(FACES, teacher, tmp_path, recipe)
    assert len(narrowed) == 1 and torch.equal(network.weight, before), "the start is read again"


def test_the_student_is_the_networks_of_the_recipe(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(module.backbones, "create", lambda *given, **options: asked.append((given, options)))
    Recipe(network="lenet", width=0.5, seed=3).student(7)
    assert asked == [(("lenet",), {"width": 0.5, "embedding_dim": 7, "seed": 3})]


def test_a_recipe_in_plain_values() -> None:
    told = described(Recipe())
    assert told["augmentation"] == repr(AUGMENT) and told["rate"] == 2e-3 and len(told) == 11
