from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import distillation_orl
from benchmarks.distillation_orl import (
    ALONE,
    BY_OUTSIDER,
    OUTSIDER,
    STUDENTS,
    TEACHER,
    blends,
    by_outsider,
    compare,
    counted,
    plan,
    prepare,
    shipped_embeddings,
    sweep,
)
from course_lib import data
from course_lib.evaluation import mean_interval, paired_difference


@pytest.fixture(scope="module")
def shipped():
    """What the shipped model makes of the first ten people."""
    faces = data.orl_faces().subset(range(100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "orl_faces", lambda: faces)
        return shipped_embeddings.__wrapped__()


@pytest.fixture
def few(monkeypatch, shipped, shallow):
    """Ten people of whom five are unseen, in very small photographs; what the shipped model makes of them is known."""
    for name, value in {"SIZE": (16, 16), "TEST_PEOPLE": 5, "PAIRS": 40, "COPIES": 1}.items():
        monkeypatch.setattr(distillation_orl, name, value)
    faces = data.orl_faces().subset(range(100))
    monkeypatch.setattr(data, "orl_faces", lambda: faces)
    monkeypatch.setattr(distillation_orl, "shipped_embeddings", shipped.clone)


@pytest.mark.slow
def test_the_students_are_less_than_a_quarter_and_a_twelfth_of_their_teacher():
    teacher, *students = (counted(width) for width in (1.0, *distillation_orl.WIDTHS))
    for student, times in zip(students, (4, 12), strict=True):
        assert times < teacher["parameters"] / student["parameters"] < 1.1 * times
        assert teacher["fp32_bytes"] > times * student["fp32_bytes"]


@pytest.mark.slow
def test_every_student_is_recorded_once_and_differs_from_the_others(monkeypatch, records, few):
    wanted = plan((0.1,))
    figures = sweep((0,), wanted, epochs=2, teacher_epochs=1)
    runs = figures["runs"]
    assert [(run["name"], run["width"]) for run in runs] == [
        (TEACHER, 1.0),
        (OUTSIDER, 1.0),
        *((name, 0.1) for name in STUDENTS),
    ]
    assert [network["width"] for network in figures["networks"]] == [1.0, 0.1]
    for run in runs[:2]:
        assert run["agreement"] == 1 and run["with_teacher"] == run["accuracy"]
    assert runs[1]["accuracy"] > 0.9
    for run in runs[2:]:
        assert 0.2 < run["accuracy"] <= 1 and 0.2 < run["with_teacher"] <= 1 and -1 <= run["agreement"] < 1
    assert len({(run["accuracy"], run["with_teacher"], run["agreement"]) for run in runs[2:]}) == len(STUDENTS)
    monkeypatch.setattr(distillation_orl, "prepare", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), wanted, epochs=2, teacher_epochs=1)["runs"] == runs


@pytest.mark.slow
def test_a_record_that_stopped_goes_on_with_the_same_teacher(records, few):
    wanted = [(ALONE, 0.1), ("cosine", 0.1)]
    whole = sweep((0,), wanted, epochs=1, teacher_epochs=1)["runs"]
    (records / "distillation_orl.json").unlink()
    sweep((0,), wanted[:1], epochs=1, teacher_epochs=1)
    assert sweep((0,), wanted, epochs=1, teacher_epochs=1)["runs"] == whole


@pytest.mark.slow
def test_all_students_take_the_same_number_of_steps(monkeypatch, few):
    lesson, seen = prepare(0, epochs=1), {}
    for name in STUDENTS:
        trained = lambda net, criterion, images, epochs, seed, name=name: seen.update({name: epochs * len(images)})  # noqa: E731
        monkeypatch.setattr(distillation_orl, "train", trained)
        distillation_orl.train_student(name, 0.1, lesson, 0, epochs=4)
    assert seen == dict.fromkeys([name for name, setup in STUDENTS.items() if setup.criterion], 4 * len(lesson.people))


@pytest.mark.slow
def test_what_the_students_are_taught(few):
    lesson = prepare(1, epochs=1)
    assert set(lesson.people.names).isdisjoint(lesson.others.names)
    mirrored = torch.stack([lesson.people.images, lesson.people.images.flip(-1)])
    with torch.no_grad():
        expected = torch.stack([lesson.teacher(data.normalise(images)) for images in mirrored]).mean(0)
        logits = lesson.classifier(expected, lesson.people.labels).logits
    assert torch.allclose(lesson.embeddings, expected, atol=1e-4)
    assert torch.allclose(lesson.logits, logits, atol=1e-3)
    blended = blends(lesson, seed=1)
    assert len(blended) == 2 * len(lesson.people)
    assert torch.equal(blended.images[: len(lesson.people)], lesson.people.images)


@pytest.mark.slow
def test_the_shipped_model_keeps_its_cosines_and_meets_the_right_people(few, shipped):
    lesson = prepare(1, epochs=1)
    faces, everything = data.orl_faces(), shipped
    for part, found in zip((lesson.people, lesson.others), by_outsider(lesson.people, lesson.others), strict=True):
        rows = [i for i, label in enumerate(faces.labels) if faces.names[label] in part.names]
        assert torch.equal(faces.resized(16, 16).images[rows], part.images)
        before, after = (torch.corrcoef(embeddings) for embeddings in (everything[rows], found))
        assert (before - after).abs().mean() < 0.05
    assert (
        torch.equal(lesson.outsiders, by_outsider(lesson.people)[0])
        and lesson.outsiders.shape[1] <= distillation_orl.DIM
    )
    assert BY_OUTSIDER in STUDENTS


def test_differences_are_paired_by_seed_within_a_width():
    rng = np.random.default_rng(0)
    of = {
        one: rng.uniform(0.8, 0.9, 3)
        for one in [(TEACHER, 1.0), *((n, w) for w in (0.4, 0.1) for n in (ALONE, "cosine"))]
    }
    runs = [
        {"name": name, "width": width, "seed": seed, "accuracy": accuracy}
        for (name, width), values in of.items()
        for seed, accuracy in enumerate(values)
    ]
    rows = {row["name"]: row for row in compare(runs[::-1])}
    differences = {name for name in rows if " - " in name}
    assert differences == {
        f"{other} - {ALONE}, width {width}"
        for width in (0.4, 0.1)
        for other in (f"{TEACHER}, width 1", f"cosine, width {width}")
    }
    a, b = (100 * of[name, 0.1] for name in ("cosine", ALONE))
    for name, interval, mean, unit in (
        ("cosine, width 0.1", mean_interval(a), a.mean(), "%"),
        (f"cosine, width 0.1 - {ALONE}, width 0.1", paired_difference(a, b), (a - b).mean(), "points"),
    ):
        row = rows[name]
        assert (row["low"], row["value"], row["high"]) == pytest.approx((interval.low, mean, interval.high), rel=1e-3)
        assert row["unit"] == unit
