"""``face-course align``, from photographs to crops and an exit code."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from framed_faces import orl_photograph
from PIL import Image

from course_lib.alignment import MTCNN, FolderReport, Problem, RetinaFace
from course_lib.alignment.folder import TIME_LIMIT
from course_lib.commands import main as face_course
from course_lib.commands.align import align


def main(arguments: list[str]) -> int:
    return face_course(["align", *arguments])


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in ("ann/1.png", "bob/2.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 60)).save(tmp_path / "in" / name)
    (tmp_path / "in/bob/notes.txt").touch()
    return tmp_path / "in"


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
        (["--min-face", "0"], "'--min-face': 0 is not in the range x>=1"),
        (["--size", "100000"], "'--size': '100000'; expected pixels, 112 or 112x96, at most 2,048 a side"),
        (["--size", "112x"], "'--size': '112x'"),
        (["--size", "112x90"], "no template of 112x90"),
        (["--margin", "60"], "margin is 60"),
        (["--workers", "0"], "'--workers': 0 is not"),
        (["--workers", "\u00b2"], "'--workers': '\u00b2' is not a valid integer"),
        (["--time-limit", "nan"], "'--time-limit': nan is not finite; expected a number in the range 0<x<=1"),
        (["--time-limit", "0"], "'--time-limit': 0.0 is not in the range"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_done(tree, tmp_path, capsys, options, sentence):
    assert main([str(tree), str(tmp_path / "crops"), *options]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "crops").exists()


def test_a_place_that_is_none_for_crops_is_said_before_anything_is_done(tree, tmp_path, capsys):
    for source, target in ((tree, tree), (tree / "ann", tree), (tree, tree / "bob/notes.txt")):
        assert main([str(source), str(target)]) == 2
        assert "Error: CROPS is " in capsys.readouterr().err
    assert not (tree / "alignment.json").exists()


class Report:
    """What a run of the command came to, without the run."""

    def __init__(self, monkeypatch, **found) -> None:
        counts = {"aligned": 1, "already_there": 0, "passed_over": 0, "problems": ()}
        monkeypatch.setattr("course_lib.alignment.align_folder", lambda *_, **__: FolderReport(**counts | found))


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


@pytest.mark.parametrize(("name", "with_what"), [("mtcnn", {}), ("retinaface", {"threads": 1})])
def test_the_detector_that_was_named_is_made_in_each_process(name, with_what, tree, tmp_path, monkeypatch):
    makers = []
    monkeypatch.setattr(
        "course_lib.alignment.align_folder",
        lambda photos, crops, make, **_: makers.append(make) or FolderReport(1, 0, 0, ()),
    )
    command = [str(tree), str(tmp_path / "crops"), "--detector", name]
    assert main(command) == 0 and main([*command, "--min-face", "33"]) == 0
    assert [make.func for make in makers] == [{"mtcnn": MTCNN, "retinaface": RetinaFace}[name]] * 2
    assert [make.keywords for make in makers] == [with_what, {**with_what, "min_face": 33}]


def test_the_report_as_json(tree, tmp_path, monkeypatch, capsys):
    Report(monkeypatch, problems=(Problem("a.jpg", "no face", "the detector found none"),))
    assert main([str(tree), str(tmp_path / "crops"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["aligned"] == 1
    assert found["problems"] == [{"file": "a.jpg", "problem": "no face", "reason": "the detector found none"}]


def test_a_run_that_is_interrupted_can_go_on(tree, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.alignment.align_folder", interrupted)
    assert main([str(tree), str(tmp_path / "crops")]) == 130
    assert "Interrupted. Give the same command to go on where it stopped." in capsys.readouterr().err


def test_the_help_names_what_the_library_does():
    (limit,) = (option for option in align.params if option.name == "time_limit")
    assert limit.default == TIME_LIMIT
