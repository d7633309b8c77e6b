from __future__ import annotations

import csv
import json
import os
import random
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from framed_faces import orl_photograph
from PIL import Image

from course_lib.alignment import Face, Problem, align, align_folder, folder, template
from course_lib.alignment.folder import Recipe
from course_lib.alignment.mtcnn import MTCNN


class Bright:
    """A detector for tests: a face in the middle of every photograph that is not dark; some photographs trouble it."""

    def __init__(self, scale: float = 0.5) -> None:
        self.scale = scale

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        return [self._faces(image) for image in images]

    def _faces(self, image):
        red = int(image[0, 0, 0])
        if red == 66:
            raise ArithmeticError("sixty-six")
        if red == 99:
            os._exit(1)  # as a fault in a decoder written in C would
        if red < 50:
            return []
        points = template() * self.scale + 10
        return [Face(np.array([10.0, 10, 66, 66]), points, 0.9)]


def write(path: Path, red: int = 200, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 70), (red, 120, 90)).save(path, **options)


@pytest.fixture
def tree(tmp_path) -> Path:
    source = tmp_path / "photographs"
    for name in ("ann/1.png", "ann/holiday/2.jpg", "bob/1.png", "3.PNG"):
        write(source / name)
    write(source / "bob/dark.png", red=10)
    write(source / "bob/odd.png", red=66)
    (source / "bob/text.jpg").write_text("not a photograph")
    (source / "bob/empty.jpg").touch()
    (source / "bob/notes.txt").write_text("a note")
    (source / ".hidden").mkdir()
    write(source / ".hidden/1.png")
    return source


def crops(target: Path) -> list[str]:
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.suffix in (".png", ".jpg"))


EXPECTED = ["3.png", "ann/1.png", "ann/holiday/2.png", "bob/1.png"]
PROBLEMS = {
    "bob/dark.png": "no face",
    "bob/odd.png": "failed",
    "bob/text.jpg": "unreadable",
    "bob/empty.jpg": "unreadable",
}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_tree_is_kept_and_what_is_missing_is_listed(tree, tmp_path, workers):
    target = tmp_path / "crops"
    report = align_folder(tree, target, Bright, workers=workers)
    assert crops(target) == EXPECTED
    assert (report.aligned, report.already_there, report.passed_over) == (4, 0, 1)
    assert {problem.file: problem.problem for problem in report.problems} == PROBLEMS
    with open(target / "not_aligned.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    others = {"bob/notes.txt": "other file", ".hidden": "hidden"}
    assert {row["file"]: row["problem"] for row in rows} == PROBLEMS | others
    reasons = {row["file"]: row["reason"] for row in rows}
    assert reasons["bob/odd.png"] == "ArithmeticError: sixty-six" and "is empty" in reasons["bob/empty.jpg"]
    assert str(report).splitlines() == [
        "4 aligned, 0 already there, 1 no face, 2 unreadable, 1 failed, 1 other files passed over",
        "beside or below the identities' folders: 3.PNG, ann/holiday/2.jpg",
        "no face: bob/dark.png",
        "unreadable: bob/empty.jpg, bob/text.jpg",
        "failed: bob/odd.png",
        "other file: bob/notes.txt",
        "hidden: .hidden",
    ]
    crop = np.array(Image.open(target / "ann/1.png"))
    np.testing.assert_array_equal(crop, align(tree / "ann/1.png", Bright()).image)


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_photograph_with_it(tree, tmp_path):
    write(tree / "bob/deadly.png", red=99)
    report = align_folder(tree, tmp_path / "crops", Bright, workers=2)
    assert crops(tmp_path / "crops") == EXPECTED
    found = {problem.file: problem.reason for problem in report.problems}
    assert found.keys() == {*PROBLEMS, "bob/deadly.png"}
    assert found["bob/deadly.png"] == "the process working on it died"


def test_a_second_run_makes_only_what_is_missing(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    (target / "ann/1.png").unlink()
    before = (target / "3.png").stat().st_mtime_ns
    write(tree / "bob/dark.png", red=200)
    report = align_folder(tree, target, Bright)
    assert (report.aligned, report.already_there, len(report.problems)) == (2, 3, 3)
    assert (target / "3.png").stat().st_mtime_ns == before
    again = align_folder(tree, target, Bright)
    assert (again.aligned, again.already_there) == (0, 5)


def test_each_of_several_processes_computes_on_one_core(monkeypatch):
    threads = []
    monkeypatch.setattr(folder.torch, "set_num_threads", threads.append)
    monkeypatch.setattr(folder.cv2, "setNumThreads", threads.append)
    monkeypatch.setattr(folder, "_worker", {})
    recipe = Recipe(make_detector=lambda: "a detector", size=112, choose="largest", margin=0)
    folder._set_up_worker(recipe)
    assert threads == [1, 1] and folder._worker == {"recipe": recipe, "detector": "a detector"}


def test_crops_of_two_kinds_are_not_mixed(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    settings = json.loads((target / "alignment.json").read_text())
    assert settings["template"] == template().tolist() and settings["detector"] == "Bright"
    with pytest.raises(ValueError, match=r"height, width \[112, 112\], not \[224, 224\].*Choose another folder"):
        align_folder(tree, target, Bright, size=224)
    with pytest.raises(ValueError, match=r"options \{\}, not \{'scale': '0.4'\}"):
        align_folder(tree, target, partial(Bright, scale=0.4))
    (target / "alignment.json").write_text(json.dumps({**settings, "template": ["x" * 1000] * 1000}))
    with pytest.raises(ValueError, match=r"made with template \['x+, not ") as error:
        align_folder(tree, target, Bright)
    assert len(str(error.value)) < 500


def test_the_settings_are_the_recipe_in_plain_values():
    recipe = Recipe(partial(Bright, scale=0.4), (112, 96), "central", 8)
    assert recipe.described(".jpg") == {
        "detector": "Bright",
        "options": {"scale": "0.4"},
        "height, width": [112, 96],
        "choose": "central",
        "suffix": ".jpg",
        "template": template((112, 96), 8).tolist(),
        "warp": "large faces averaged",
    }
    assert Recipe(Bright, 2048, "largest", 0).described(".png")["height, width"] == [2048, 2048]
    with pytest.raises(ValueError, match=r"size is 2049; expected sides of at most 2,048 pixels"):
        Recipe(Bright, 2049, "largest", 0)
    for wrong in ({"choose": "nearest"}, {"margin": 60}):
        with pytest.raises(ValueError):
            Recipe(**{"make_detector": Bright, "size": 112, "choose": "largest", "margin": 0, **wrong})


def test_a_target_inside_the_source_is_not_aligned_again(tree):
    align_folder(tree, tree / "crops", Bright)
    assert align_folder(tree, tree / "crops", Bright).already_there == 4
    assert not (tree / "crops/crops").exists()


def test_linked_folders_are_followed_and_circles_end(tree, tmp_path):
    link = tree / "linked"
    try:
        write(tmp_path / "elsewhere/5.png")
        link.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (tree / "ann/back").symlink_to(tree, target_is_directory=True)
    except OSError:
        pytest.skip("this system lets only administrators make links")
    assert align_folder(tree, tmp_path / "crops", Bright).aligned == len(EXPECTED) + 1
    assert crops(tmp_path / "crops") == [*EXPECTED, "linked/5.png"]


# --- Which crop is of which photograph ---


def record(target: Path) -> dict[str, str]:
    """The photograph of each crop."""
    return {crop: row[0] for crop, row in json.loads((target / "crops.json").read_text()).items()}


def reds(target: Path) -> dict[str, int]:
    """What colour each crop is: that of its photograph."""
    return {name: int(np.array(Image.open(target / name))[60, 60, 0]) for name in crops(target)}


def touched(path: Path, red: int) -> None:
    """Replace a photograph a second later, on file systems whose clock is coarse too."""
    write(path, red)
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_a_photograph_replaced_by_one_of_the_same_size_and_time_of_change_is_seen_with_force_only(tmp_path):
    photograph, target = tmp_path / "in/1.bmp", tmp_path / "out"  # a BMP's size in bytes is that of its pixels
    write(photograph, red=100)
    align_folder(tmp_path / "in", target, Bright)
    before = photograph.stat()
    write(photograph, red=200)
    os.utime(photograph, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert photograph.stat().st_size == before.st_size
    assert align_folder(tmp_path / "in", target, Bright).aligned == 0 and reds(target) == {"1.png": 100}
    assert align_folder(tmp_path / "in", target, Bright, force=True).aligned == 1 and reds(target) == {"1.png": 200}


def test_photographs_that_share_a_stem_keep_their_suffixes(tmp_path):
    for name in ("in/1.png", "in/1.jpg", "in/2.jpg"):
        write(tmp_path / name)
    assert align_folder(tmp_path / "in", tmp_path / "out", Bright, suffix=".jpg").aligned == 3
    assert crops(tmp_path / "out") == ["1.jpg.jpg", "1.png.jpg", "2.jpg"]


def test_there_are_as_many_crops_as_photographs(tmp_path):
    names = ("x.jpg", "x.jpeg", "x.jpg.png", "X.JPG") if not case_is_ignored(tmp_path) else ("x.jpg", "x.jpg.png")
    for number, name in enumerate(names):
        write(tmp_path / "in/Ada" / name, red=100 + 20 * number, **({"quality": 95} if "png" not in name else {}))
    assert align_folder(tmp_path / "in", tmp_path / "out", Bright).aligned == len(names)
    photograph_of, red_of = record(tmp_path / "out"), reds(tmp_path / "out")
    assert photograph_of.keys() == red_of.keys() and len(photograph_of) == len(names)
    for crop, photograph in photograph_of.items():
        assert abs(red_of[crop] - (100 + 20 * names.index(photograph.removeprefix("Ada/")))) < 5


def case_is_ignored(folder: Path) -> bool:
    (folder / "case").touch()
    return (folder / "CASE").exists()


def test_a_file_beside_a_folder_of_the_name_of_its_crop(tmp_path):
    write(tmp_path / "in/x.jpg")
    write(tmp_path / "in/x.png/1.jpg")
    report = align_folder(tmp_path / "in", tmp_path / "out", Bright)
    assert report.problems == () and crops(tmp_path / "out") == ["x.jpg.png", "x.png", "x.png/1.png"]


def test_a_photograph_that_comes_later_leaves_the_others_alone(tmp_path):
    write(tmp_path / "in/Ada/1.jpg", red=100)
    align_folder(tmp_path / "in", tmp_path / "out", Bright)
    before = (tmp_path / "out/Ada/1.png").stat().st_mtime_ns
    write(tmp_path / "in/Ada/1.png", red=150)
    report = align_folder(tmp_path / "in", tmp_path / "out", Bright)
    assert (report.aligned, report.already_there, report.stale) == (1, 1, ())
    assert (tmp_path / "out/Ada/1.png").stat().st_mtime_ns == before
    assert reds(tmp_path / "out") == pytest.approx({"Ada/1.png": 100, "Ada/1.png.png": 150}, abs=5)
    (tmp_path / "in/Ada/1.jpg").unlink()
    report = align_folder(tmp_path / "in", tmp_path / "out", Bright)
    assert report.stale == ("Ada/1.png",) and not report.removed and report.already_there == 1
    assert "crops without a photograph, still there: Ada/1.png" in str(report)


def test_a_photograph_that_was_replaced_is_aligned_again(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    touched(tree / "ann/1.png", red=120)
    touched(tree / "bob/1.png", red=10)
    report = align_folder(tree, target, Bright)
    assert report.replaced == ("ann/1.png", "bob/1.png") and (report.aligned, report.already_there) == (1, 2)
    assert reds(target)["ann/1.png"] == 120 and "bob/1.png" not in crops(target)
    assert "replaced since they were aligned: ann/1.png, bob/1.png" in str(report)
    assert align_folder(tree, target, Bright).replaced == ()


@pytest.mark.parametrize("killed_in", ["write_record", "_all"])
def test_a_run_that_is_killed_leaves_no_crop_of_another_photograph(tree, tmp_path, monkeypatch, killed_in):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    touched(tree / "ann/1.png", red=120)

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"course_lib.alignment.folder.{killed_in}", killed)
        with pytest.raises(KeyboardInterrupt):
            align_folder(tree, target, Bright)
    assert align_folder(tree, target, Bright).aligned == 1
    assert reds(target)["ann/1.png"] == 120


def test_who_withdraws_is_listed_and_on_request_removed(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    (tree / "ann/holiday/2.jpg").unlink()
    (tree / "bob/1.png").unlink()
    (target / "bob/mine.png").write_bytes(b"put here by hand")
    report = align_folder(tree, target, Bright)
    assert report.stale == ("ann/holiday/2.png", "bob/1.png") and set(report.stale) <= set(crops(target))
    assert [one.file for one in report.others if one.problem == "not of this command"] == ["bob/mine.png"]
    report = align_folder(tree, target, Bright, remove_stale=True)
    assert report.stale == ("ann/holiday/2.png", "bob/1.png") and report.removed
    assert crops(target) == ["3.png", "ann/1.png", "bob/mine.png"] and not (target / "ann/holiday").exists()
    assert align_folder(tree, target, Bright).stale == ()


def test_an_empty_source_removes_nothing(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no photograph, so every crop would be removed"):
        align_folder(tmp_path / "empty", target, Bright, remove_stale=True)
    assert crops(target) == EXPECTED


def test_force_aligns_everything_again(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    Image.new("RGB", (112, 112)).save(target / "3.png")
    report = align_folder(tree, target, Bright, force=True)
    assert (report.aligned, report.already_there, report.replaced) == (4, 0, ())
    assert reds(target)["3.png"] == 200


def closed(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Refuse to list that folder."""
    listing = os.scandir

    def refuse(path):
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    patch.setattr(os, "scandir", refuse)


def older(target: Path) -> None:
    """Make a folder of crops one that was made before large faces were averaged."""
    settings = json.loads((target / "alignment.json").read_text())
    assert settings.pop("warp") == "large faces averaged"
    (target / "alignment.json").write_text(json.dumps(settings))
    for crop in crops(target):
        Image.new("RGB", (112, 112)).save(target / crop)


def test_crops_of_an_older_version_are_made_anew_by_force_alone(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    older(target)
    write(tree / "ann/5.png")
    with pytest.raises(ValueError, match=r"older version.* more than twice .* Align all anew \(--force\), or choose"):
        align_folder(tree, target, Bright)
    assert crops(target) == EXPECTED and set(reds(target).values()) == {0}
    with pytest.raises(ValueError, match=r"crops made with height, width .* not \[224, 224\]; template"):
        align_folder(tree, target, Bright, size=224, force=True)
    assert align_folder(tree, target, Bright, force=True).aligned == 5 and 0 not in reds(target).values()
    assert align_folder(tree, target, Bright).already_there == 5


def test_crops_of_an_older_version_are_gone_before_the_settings_say_otherwise(tree, tmp_path, monkeypatch):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    older(target)

    def killed(*_):
        raise KeyboardInterrupt

    for step in ("write_record", "write_json", "_all"):
        with monkeypatch.context() as patch:
            patch.setattr(f"course_lib.alignment.folder.{step}", killed)
            with pytest.raises(KeyboardInterrupt):
                align_folder(tree, target, Bright, force=True)
        said = "warp" in json.loads((target / "alignment.json").read_text())
        assert crops(target) == [] and said == (step == "_all")
    assert align_folder(tree, target, Bright).aligned == 4


def test_force_reaches_a_folder_that_could_not_be_listed_when_it_can(tree, tmp_path, monkeypatch):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    older(target)
    with monkeypatch.context() as patch:
        closed(patch, tree / "ann/holiday")
        align_folder(tree, target, Bright, force=True)
    assert reds(target)["ann/holiday/2.png"] == 0
    report = align_folder(tree, target, Bright)
    assert report.replaced == ("ann/holiday/2.jpg",) and report.stale == () and 0 not in reds(target).values()


def test_crops_of_a_time_before_the_record_stay_in_use(tree, tmp_path):
    target = tmp_path / "crops"
    write(tree / "ann/5.jpg")
    align_folder(tree, target, Bright)
    (target / "crops.json").unlink()
    (tree / "ann/5.jpg").unlink()
    touched(tree / "bob/1.png", red=150)
    later = (target / "bob/1.png").stat().st_mtime_ns + 10**9
    os.utime(tree / "bob/1.png", ns=(later, later))
    report = align_folder(tree, target, Bright)
    assert (report.aligned, report.already_there, report.replaced) == (1, 3, ("bob/1.png",))
    assert report.stale == ("ann/5.png",)
    assert align_folder(tree, target, Bright, remove_stale=True).already_there == 4
    assert crops(target) == EXPECTED


def test_a_crop_that_two_may_have_written_before_the_record_is_made_again(tmp_path):
    for name, red in (("x.jpg", 100), ("x.jpeg", 120), ("x.jpg.png", 140)):
        write(tmp_path / "in" / name, red=red)
    target = tmp_path / "out"
    align_folder(tmp_path / "in", target, Bright)
    (target / "crops.json").unlink()
    for name in crops(target):
        (target / name).unlink()
    for name in ("x.jpg.png", "x.jpeg.png"):  # as they were called
        write(target / name, red=100)
    report = align_folder(tmp_path / "in", target, Bright)
    assert report.already_there == 1 and report.replaced == ("x.jpg.png",) and len(crops(target)) == 3
    assert reds(target)["x.jpg.png"] == 140


NESTED = "[" * 100_000


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"a.png": 3}', '{"a.png": ["a.jpg", "x", 1]}', '{"a.png": ["a.jpg", 1e999, 1]}', NESTED]
)
def test_a_damaged_record_is_named(tree, tmp_path, content):
    align_folder(tree, tmp_path / "crops", Bright)
    (tmp_path / "crops/crops.json").write_text(content)
    with pytest.raises(ValueError, match=r"crops\.json is damaged.*Delete it"):
        align_folder(tree, tmp_path / "crops", Bright)


def test_a_record_from_elsewhere_leads_nowhere(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    rows = {
        "../outside.png": ["3.PNG", 1, 1],
        "/abs.png": ["ann/1.png", 1, 1],
        "bob/1.png": ["ann/holiday/2.jpg", 1, 1],
    }
    (target / "crops.json").write_text(json.dumps(rows))
    align_folder(tree, target, Bright, remove_stale=True)
    assert not (tmp_path / "outside.png").exists() and set(record(target).values()) >= {"3.PNG", "ann/1.png"}
    assert all(".." not in crop and not crop.startswith("/") for crop in record(target))


@pytest.mark.parametrize("content", ["{", "3", NESTED])
def test_damaged_settings_are_named(tree, tmp_path, content):
    align_folder(tree, tmp_path / "crops", Bright)
    (tmp_path / "crops/alignment.json").write_text(content)
    with pytest.raises(ValueError, match=r"alignment\.json is damaged"):
        align_folder(tree, tmp_path / "crops", Bright)


def test_a_folder_of_other_images_is_no_place_for_crops(tree, tmp_path):
    write(tmp_path / "mine/holiday.png")
    with pytest.raises(ValueError, match=r"holds 1 images that are no crops of this command, such as holiday\.png"):
        align_folder(tree, tmp_path / "mine", Bright)
    with pytest.raises(ValueError, match="lies inside .*, among what would be crops"):
        align_folder(tree / "ann", tree, Bright)
    assert not (tmp_path / "mine/alignment.json").exists() and not (tree / "alignment.json").exists()


def test_crops_of_another_run_are_no_photographs(tree, tmp_path):
    align_folder(tree, tree / "crops", Bright)
    report = align_folder(tree, tmp_path / "others", Bright)
    assert report.aligned == 4 and ("crops", "crops") in [(one.file, one.problem) for one in report.others]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions are POSIX, and root has all of them")
def test_a_folder_that_cannot_be_listed_is_named_for_real(tree, tmp_path):
    (tree / "ann").chmod(0)
    try:
        report = align_folder(tree, tmp_path / "crops", Bright)
    finally:
        (tree / "ann").chmod(0o755)
    assert [(one.file, one.problem) for one in report.problems if one.problem == "not listed"] == [
        ("ann", "not listed")
    ]


def test_a_folder_that_cannot_be_listed_is_named_and_its_crops_stay(tree, tmp_path, monkeypatch):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    closed(monkeypatch, tree / "ann")
    report = align_folder(tree, target, Bright, remove_stale=True)
    assert Problem("ann", "not listed", "PermissionError: Permission denied") in report.problems
    assert "1 not listed" in str(report) and "not listed: ann" in str(report)
    assert report.stale == () and report.aligned == 0 and crops(target) == EXPECTED
    monkeypatch.undo()
    assert align_folder(tree, target, Bright).already_there == 4


def test_folders_that_become_one_are_refused(tmp_path, monkeypatch):
    for name in ("in/Ada/1.png", "in/ada/2.png"):
        write(tmp_path / name)
    if len(list((tmp_path / "in").iterdir())) == 1:
        pytest.skip("here they are one to begin with")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name == "ALIGNMENT.JSON" or exists(path))
    with pytest.raises(ValueError, match="the folders Ada and ada would be one"):
        align_folder(tmp_path / "in", tmp_path / "out", Bright)


# --- Names of all kinds ---


def test_no_name_is_a_formula(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    names = ["=1+1.jpg", "+1.jpg", "-1.jpg", "@x.jpg", "A/=1.jpg"]
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"no photograph")
    report = align_folder(source, target, Bright)
    with open(target / "not_aligned.csv", newline="", encoding="utf-8") as file:
        told = [row["file"] for row in csv.DictReader(file)]
    assert sorted(told) == sorted([*(f"./{name}" for name in names[:4]), "A/=1.jpg"])
    assert {Path(name) for name in told} == {Path(problem.file) for problem in report.problems} == set(map(Path, names))


def test_names_that_are_no_utf_8_and_names_that_are_too_long(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    long = "a" * 251
    write(source / f"{long}.jpg")
    write(source / f"{long}.bmp")
    names = [f"{long}.jpg", f"{long}.bmp"]
    if sys.platform == "linux":
        for name in (b"\xe9.jpg", b"\xff.jpg"):
            os.rename(write(source / "x.jpg") or source / "x.jpg", os.path.join(os.fsencode(source), name))
            names.append(os.fsdecode(name))
        Path(os.fsdecode(os.path.join(os.fsencode(source), b"bad\xfe.jpg"))).write_bytes(b"no photograph")
    report = align_folder(source, target, Bright)
    assert report.aligned == len(names) and len(crops(target)) == len(names)
    assert set(record(target).values()) - {"bad\udcfe.jpg"} == set(names)
    table = (target / "not_aligned.csv").read_text(encoding="utf-8")
    assert ("bad\\udcfe.jpg,unreadable" in table) == (sys.platform == "linux")
    str(report).encode("utf-8")
    assert align_folder(source, target, Bright).already_there == len(names)


def test_a_crop_that_cannot_be_written_ends_nothing_but_a_full_disk_does(tree, tmp_path, monkeypatch):
    target = tmp_path / "crops"
    target.mkdir()
    (target / "bob").touch()  # where a folder has to be
    report = align_folder(tree, target, Bright)
    found = {one.file: one.reason for one in report.problems if one.problem == "failed"}
    assert found.keys() == {"bob/1.png", "bob/odd.png"} and "cannot be written" in found["bob/1.png"]
    assert report.aligned == 3

    def full(self, path, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space left"):
        align_folder(tree, tmp_path / "others", Bright)


def test_an_unfinished_crop_is_none(tree, tmp_path, monkeypatch):
    target = tmp_path / "crops"

    def cut_off(self, path, **options):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", cut_off)
        with pytest.raises(KeyboardInterrupt):
            align_folder(tree, target, Bright)
    assert crops(target) == []
    assert align_folder(tree, target, Bright).aligned == 4


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"source": "nowhere"}, FileNotFoundError, "nowhere is not a folder"),
        ({"target": "photographs"}, ValueError, "holds the photographs themselves"),
        ({"workers": 0}, ValueError, "workers is 0"),
        ({"suffix": ".gif"}, ValueError, "suffix '.gif'"),
        ({"time_limit": 0}, ValueError, "time_limit is 0"),
        ({"size": 100_000}, ValueError, "at most 2,048 pixels"),
        ({"size": (112, 92)}, ValueError, "no template of 112x92"),
        ({"choose": "first"}, ValueError, "choose is 'first'"),
        ({"margin": 60}, ValueError, "margin is 60"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tree, tmp_path, options, error, message):
    places = {
        "source": tmp_path / options.pop("source", "photographs"),
        "target": tmp_path / options.pop("target", "crops"),
    }
    with pytest.raises(error, match=message):
        align_folder(**places, make_detector=Bright, **options)
    assert not (tmp_path / "crops").exists()


def test_an_empty_folder_is_an_ordinary_one(tmp_path):
    (tmp_path / "in").mkdir()
    report = align_folder(tmp_path / "in", tmp_path / "out", Bright, workers=2)
    assert str(report) == "0 aligned, 0 already there, 0 other files passed over"


# --- Fuzzing ---


def mutated(data: bytes, generator: random.Random) -> bytes:
    """A file as bad disks, networks and people leave it: bits flipped, cut off, a piece moved, zeroed or repeated."""
    kind = generator.choice(("flip", "cut", "zero", "swap", "repeat", "header"))
    changed = bytearray(data)
    start = generator.randrange(len(data))
    length = generator.randrange(1, 200)
    if kind == "flip":
        for _ in range(generator.randrange(1, 40)):
            changed[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    elif kind == "cut":
        del changed[start:]
    elif kind == "zero":
        changed[start : start + length] = bytes(len(changed[start : start + length]))
    elif kind == "swap":
        changed[start:start] = data[-length:]
    elif kind == "repeat":
        changed[start:start] = data[start : start + length] * 3
    else:
        for place in range(min(40, len(changed))):
            if generator.random() < 0.2:
                changed[place] = generator.randrange(256)
    return bytes(changed)


FORMATS = {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".webp": "WEBP", ".pgm": "PPM"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore:.*:UserWarning")
def test_five_hundred_mutated_files_are_each_aligned_or_listed(tmp_path):
    generator = random.Random(0)
    (tmp_path / "in").mkdir()
    photograph = orl_photograph(0).resize((114, 129))
    exif = Image.Exif()
    exif[0x0112] = 3
    originals = {}
    for suffix, name in FORMATS.items():
        photograph.save(tmp_path / f"original{suffix}", name, **({} if name in ("BMP", "PPM") else {"exif": exif}))
        originals[suffix] = (tmp_path / f"original{suffix}").read_bytes()
    for number in range(500):
        suffix = generator.choice(list(FORMATS))
        (tmp_path / f"in/{number:03d}{suffix}").write_bytes(mutated(originals[suffix], generator))
    report = align_folder(tmp_path / "in", tmp_path / "out", partial(MTCNN, min_face=40))
    kinds = [problem.problem for problem in report.problems]
    assert report.aligned + len(kinds) == 500
    assert kinds.count("failed") == 0, [problem for problem in report.problems if problem.problem == "failed"]
    assert report.aligned > 50 and kinds.count("unreadable") > 100
    assert all(problem.reason for problem in report.problems)
