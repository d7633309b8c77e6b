from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks import transfer_faces as benchmark
from benchmarks.transfer_faces import SOURCES, TASK, USUAL, as_many_of_each, main, plan
from benchmarks.transfer_setup import LITE, SMALL, questions
from course_lib import data

FEW = replace(USUAL, people=2, photographs=3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people and then three to learn from three photographs each, one to test; two strangers; no source."""
    slim = {SMALL: {**TASK.networks[SMALL], "width": 0.25}}
    numbers = {"usual": FEW, "growth": (2, 3), "tested": 1, "strangers": 2, "pairs": 20, "epochs": 1, "seeds": (0,)}
    task = replace(TASK, **numbers, networks=slim, sources={}, plan=lambda _: [FEW, replace(FEW, people=3)])
    monkeypatch.setattr(benchmark, "TASK", task)


def pictures_of(*counts: int) -> data.ImageSet:
    """So many colour pictures of each person."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(labels), 3, 48, 40), dtype=torch.uint8, generator=generator)
    return data.ImageSet(images, labels, tuple(f"person {label}" for label in range(len(counts))), "made up")


def test_the_plan_asks_every_question():
    setups = plan(list(SOURCES))
    assert len(setups) == len(set(setups))
    for source, network in (("CIFAR-10", SMALL), ("ImageNet", LITE)):
        of = [setup for setup in setups if setup.source == source]
        assert {(setup.freeze, setup.photographs) for setup in of} == set(product(("none", "all"), (2, 5, 15)))
        assert {setup.network for setup in of} == {network}
    names = [name for name, *_ in questions(TASK, setups)]
    assert len(names) == len(set(names))
    for name in (
        "MobiFace, from CIFAR-10, one cycle - from nothing",
        "MobiFace, from CIFAR-10 - at the full rate",
        "EfficientNet-Lite0, from ImageNet - from nothing",
        "EfficientNet-Lite0, from ImageNet, frozen - all trained",
        "MobiFace, from CIFAR-10, one cycle, frozen: a head trained to the end - all trained",
        "MobiFace, 150 people: by cosine - by the classifier",
        "MobiFace, 2 of each - HOG, logistic regression",
    ):
        assert name in names
    assert not any(setup.source == "CIFAR-10" for setup in plan(["ImageNet"]))


def test_as_many_photographs_of_each_and_the_same_every_time(small):
    kept = as_many_of_each(faces := pictures_of(4, 3, 9, 4, 6, 4))
    assert kept.labels.bincount().tolist() == [4] * 5
    assert kept.names == ("person 0", "person 2", "person 3", "person 4", "person 5")
    assert torch.equal(kept.images, as_many_of_each(faces).images)


def test_too_few_people_are_counted(small):
    with pytest.raises(ValueError, match="4 people with 4 photographs or more, of 5 in all; expected at least 5: 3"):
        as_many_of_each(pictures_of(4, 4, 4, 3, 4))


def test_without_a_folder_it_says_what_is_expected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COURSE_FACES", raising=False)
    with pytest.raises(RuntimeError, match="COURSE_FACES is not set; expected a folder of aligned faces"):
        main()


def test_a_folder_becomes_a_record_that_names_no_path(small, records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    faces = pictures_of(4, 5, 4, 2, 4, 4)
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        folder = tmp_path / "faces" / faces.names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{number}.png")
    monkeypatch.setenv("COURSE_FACES", str(tmp_path / "faces"))
    figures = main()
    assert figures["settings"]["people_in_the_folder"] == 6 and figures["settings"]["photographs_in_the_folder"] == 23
    two, three = figures["runs"]
    assert len(two["by_epoch"]) == 1 and len(two["enrolled"]) == 2 and "enrolled" not in three
    text = (records / "transfer_faces.json").read_text()
    assert "COURSE_FACES=FOLDER python -m benchmarks transfer_faces" in text and str(tmp_path) not in text
