from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib.alignment import Face, FolderReport, Problem, align, align_folder, template
from course_lib.alignment.__main__ import main
from course_lib.alignment.folder import Recipe
from course_lib.alignment.mtcnn import MTCNN
from course_lib.data import orl_faces


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


def test_crops_of_two_kinds_are_not_mixed(tree, tmp_path):
    target = tmp_path / "crops"
    align_folder(tree, target, Bright)
    settings = json.loads((target / "alignment.json").read_text())
    assert settings["template"] == template().tolist() and settings["detector"] == "Bright"
    with pytest.raises(ValueError, match=r"height, width \[112, 112\], not \[224, 224\].*Choose another folder"):
        align_folder(tree, target, Bright, size=224)
    with pytest.raises(ValueError, match=r"options \{\}, not \{'scale': '0.4'\}"):
        align_folder(tree, target, partial(Bright, scale=0.4))


def test_the_settings_are_the_recipe_in_plain_values():
    recipe = Recipe(partial(Bright, scale=0.4), (112, 96), "central", 8)
    assert recipe.described(".jpg") == {
        "detector": "Bright",
        "options": {"scale": "0.4"},
        "height, width": [112, 96],
        "choose": "central",
        "suffix": ".jpg",
        "template": template((112, 96), 8).tolist(),
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


@pytest.mark.parametrize("content", ["{", "[]", '{"a.png": 3}', '{"a.png": ["a.jpg", "x", 1]}'])
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


def test_damaged_settings_are_named(tree, tmp_path):
    align_folder(tree, tmp_path / "crops", Bright)
    (tmp_path / "crops/alignment.json").write_text("{")
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
    listing = os.scandir

    def refuse(path):
        if Path(path) == tree / "ann":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
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
        Path(os.fsdecode(os.path.join(os.fsencode(source), b"bad\xfe.jpg"))).write_text("no photograph")
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


# --- The command ---


def orl_photograph(person: int) -> Image.Image:
    """An ORL face in a frame of its own grey, as a photograph has it around."""
    face = orl_faces().images[10 * person, 0].numpy()
    return Image.fromarray(np.pad(face, 30, mode="reflect")).resize((228, 258))


def test_the_command_aligns_real_faces(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for person in range(3):
        orl_photograph(person).save(tmp_path / f"in/{person}.png")
    (tmp_path / "in/text.jpg").write_text("not a photograph")
    command = [str(tmp_path / "in"), str(tmp_path / "out"), "--workers", "1", "--size", "112x96", "--min-face", "40"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "3 aligned" in said and "1 unreadable" in said and "not_aligned.csv" in said
    assert Image.open(tmp_path / "out/0.png").size == (96, 112)
    assert main([*command[:-1], "30"]) == 1
    assert "holds crops made with options" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_runs_as_a_module(tmp_path):
    (tmp_path / "in").mkdir()
    run = [sys.executable, "-m", "course_lib.alignment", str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 aligned")
    done = subprocess.run([*run[:3], str(tmp_path / "no"), str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == 1 and "is not a folder" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--min-face", "0"], "--min-face: '0'; expected a whole number of at least 1"),
        (["--size", "100000"], "--size: '100000'; expected pixels, 112 or 112x96, at most 2,048 a side"),
        (["--size", "112x"], "--size: '112x'"),
        (["--size", "112x90"], "no template of 112x90"),
        (["--margin", "60"], "margin is 60"),
        (["--workers", "0"], "--workers: '0'"),
        (["--workers", "\u00b2"], "--workers: "),
        (["--time-limit", "nan"], "--time-limit: 'nan'; expected a number of seconds above 0"),
        (["--time-limit", "0"], "--time-limit: '0'"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_done(tree, tmp_path, capsys, options, sentence):
    with pytest.raises(SystemExit) as ended:
        main([str(tree), str(tmp_path / "crops"), *options])
    assert ended.value.code == 2 and sentence in capsys.readouterr().err
    assert not (tmp_path / "crops").exists()


def test_a_place_that_is_none_for_crops_is_said_before_anything_is_done(tree, tmp_path, capsys):
    for source, target in ((tree, tree), (tree / "ann", tree), (tree, tree / "bob/notes.txt")):
        with pytest.raises(SystemExit) as ended:
            main([str(source), str(target)])
        assert ended.value.code == 2 and "error: OUT is " in capsys.readouterr().err
    assert not (tree / "alignment.json").exists()


class Report:
    """What a run of the command came to, without the run."""

    def __init__(self, monkeypatch, **found) -> None:
        counts = {"aligned": 1, "already_there": 0, "passed_over": 0, "problems": ()}
        monkeypatch.setattr(
            "course_lib.alignment.__main__.align_folder", lambda *_, **__: FolderReport(**counts | found)
        )


def test_the_exit_code_says_whether_something_failed(tree, tmp_path, monkeypatch, capsys):
    command = [str(tree), str(tmp_path / "crops")]
    for kind, code in (("no face", 0), ("unreadable", 0), ("failed", 1), ("not listed", 1)):
        Report(monkeypatch, problems=(Problem("a.jpg", kind, ""),))
        assert main(command) == code
        assert f"{kind}: a.jpg" in capsys.readouterr().out
    Report(monkeypatch, stale=("b.png",))
    assert main(command) == 0 and "--remove-stale removes" in capsys.readouterr().out


@pytest.mark.slow
def test_a_photograph_that_takes_too_long_is_listed_and_names_print_on_any_console(tmp_path):
    (tmp_path / "in").mkdir()
    face = orl_photograph(0)
    face.save(tmp_path / "in/\u0427\u0435\u0445\u043e\u0432.png")
    (tmp_path / "in/\u738b.jpg").write_text("no photograph")
    face.resize((9000, 9000)).save(tmp_path / "in/huge.png", compress_level=1)
    command = [sys.executable, "-m", "course_lib.alignment", str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--workers", "1", "--time-limit", "3"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict", "TQDM_DISABLE": "1"},
    )
    said = done.stdout.decode("ascii").splitlines()
    assert said[0] == "1 aligned, 0 already there, 1 unreadable, 1 failed, 0 other files passed over", done.stderr
    assert "failed: huge.png" in said and r"unreadable: \u738b.jpg" in said and done.returncode == 1
    with open(tmp_path / "out/not_aligned.csv", newline="", encoding="utf-8") as file:
        reasons = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons["huge.png"] == "it took longer than 3 seconds" and "\u738b.jpg" in reasons


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
