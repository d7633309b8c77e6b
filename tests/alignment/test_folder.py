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

from course_lib.alignment import Face, align, align_folder, template
from course_lib.alignment.__main__ import main
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
    assert {row["file"]: row["problem"] for row in rows} == PROBLEMS
    reasons = {row["file"]: row["reason"] for row in rows}
    assert reasons["bob/odd.png"] == "ArithmeticError: sixty-six" and "is empty" in reasons["bob/empty.jpg"]
    assert str(report) == "4 aligned, 0 already there, 1 no face, 2 unreadable, 1 failed, 1 other files passed over"
    crop = np.array(Image.open(target / "ann/1.png"))
    np.testing.assert_array_equal(crop, align(tree / "ann/1.png", Bright()).image)


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_photograph_with_it(tree, tmp_path):
    write(tree / "bob/deadly.png", red=99)
    report = align_folder(tree, tmp_path / "crops", Bright, workers=2)
    assert crops(tmp_path / "crops") == EXPECTED
    found = {problem.file: problem.reason for problem in report.problems}
    assert found.keys() == {*PROBLEMS, "bob/deadly.png"}
    assert found["bob/deadly.png"] == "the process reading it died"


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


def test_photographs_that_share_a_stem_keep_their_suffixes(tmp_path):
    for name in ("in/1.png", "in/1.jpg", "in/2.jpg"):
        write(tmp_path / name)
    assert align_folder(tmp_path / "in", tmp_path / "out", Bright, suffix=".jpg").aligned == 3
    assert crops(tmp_path / "out") == ["1.jpg.jpg", "1.png.jpg", "2.jpg"]


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
