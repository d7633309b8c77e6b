"""What is written on the command line is what the folder is aligned with."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.alignment import FolderReport
from course_lib.alignment import __main__ as command
from course_lib.alignment.tree import Problem
from course_lib.machine import cores

REPORT = {"aligned": 2, "already_there": 1, "passed_over": 3, "problems": ()}
AS_USUAL = {
    "size": 112,
    "choose": "largest",
    "margin": 0,
    "suffix": ".png",
    "workers": cores(),
    "time_limit": 60.0,
    "force": False,
    "remove_stale": False,
}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the folder was aligned with, the detectors by name and options."""
    found: dict = {}

    def align_folder(source: Path, target: Path, make, **options) -> FolderReport:
        found.update(source=source, target=target, detector=make(), **options)
        return FolderReport(**REPORT)

    monkeypatch.setattr(command, "align_folder", align_folder)
    monkeypatch.setattr(command, "MTCNN", lambda **options: ("MTCNN", options))
    monkeypatch.setattr(command, "RetinaFace", lambda **options: ("RetinaFace", options))
    return found


def test_without_options_everything_is_as_usual(given: dict, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["in", "out"]) == 0
    assert given == {"source": Path("in"), "target": Path("out"), "detector": ("MTCNN", {}), **AS_USUAL}
    assert capsys.readouterr().out == "2 aligned, 1 already there, 3 other files passed over\n"


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("--detector retinaface", {"detector": ("RetinaFace", {"threads": 1})}),
        ("--detector retinaface --min-face 1", {"detector": ("RetinaFace", {"threads": 1, "min_face": 1})}),
        ("--detector mtcnn --min-face 40", {"detector": ("MTCNN", {"min_face": 40})}),
        ("--size 1", {"size": 1}),
        ("--size 112X96", {"size": (112, 96)}),
        ("--choose central", {"choose": "central"}),
        ("--choose largest --margin 8", {"margin": 8}),
        ("--format jpg", {"suffix": ".jpg"}),
        ("--format png --workers 1", {"workers": 1}),
        ("--time-limit 0.5", {"time_limit": 0.5}),
        ("--time-limit 1e6", {"time_limit": 1e6}),
        ("--force", {"force": True}),
        ("--remove-stale", {"remove_stale": True}),
    ],
)
def test_each_option_changes_one_thing(words: str, changed: dict, given: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "template", lambda size, margin: None)  # which knows two sizes
    assert command.main(["in", "out", *words.split()]) == 0
    assert {name: value for name, value in given.items() if value != AS_USUAL.get(name)} == {
        "source": Path("in"),
        "target": Path("out"),
        "detector": ("MTCNN", {}),
        **changed,
    }


@pytest.mark.parametrize(
    "words",
    [
        *("--detector yolo", "--choose all", "--format gif", "--margin 1.5", "--size 1x2x3", "--size 0", "--size 2049"),
        *("--time-limit 1000001", "--time-limit -1", "--time-limit long", "--workers -1", "--min-face 1.5"),
    ],
)
def test_what_is_no_option_ends_with_2(words: str, given: dict, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["in", "out", *words.split()])
    option, value = words.split()
    assert ended.value.code == 2 and not given
    said = capsys.readouterr().err
    assert f"argument {option}: " in said and value in said and "python -m course_lib.alignment" in said


def test_the_largest_crop_is_allowed_by_the_option(given: dict, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.as_size("2048") == 2048 and command.as_size("1x2048") == (1, 2048)
    assert command.main(["in", "out", "--size", "2048"]) == 0
    with pytest.raises(SystemExit):
        command.main(["in", "out", "--size", "112x97"])
    assert "--size and --margin: " in capsys.readouterr().err


def test_every_option_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    for words in ("Align every photograph below IN", "Exit code: 0;", "SECONDS", "(default: 60)", "(default: 20)"):
        assert words in said
    assert all(action.help for action in command.parser()._actions)


@pytest.mark.parametrize("error", [OSError("full"), ValueError("wrong"), ModuleNotFoundError("none")])
def test_an_error_is_one_sentence_and_exit_code_1(error, monkeypatch, capsys) -> None:
    def align_folder(*_, **__) -> None:
        raise error

    monkeypatch.setattr(command, "align_folder", align_folder)
    assert command.main(["in", "out"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err == f"Error: {error}\n"


def test_who_interrupts_it_is_told_how_to_go_on(monkeypatch, capsys) -> None:
    def align_folder(*_, **__) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "align_folder", align_folder)
    assert command.main(["in", "out"]) == 130
    out, err = capsys.readouterr()
    assert out == "" and "Interrupted. Give the same command to go on" in err


@pytest.mark.parametrize(
    ("found", "code", "lines"),
    [
        ({}, 0, []),
        ({"stale": ("a.png",)}, 0, ["--remove-stale removes the crops without a photograph"]),
        ({"stale": ("a.png",), "removed": True}, 0, []),
        ({"problems": (Problem("a.jpg", "no face", ""),)}, 0, ["All that has no crop, and why: {}"]),
        ({"others": (Problem("a.jpg", "hidden", ""),)}, 0, ["All that has no crop, and why: {}"]),
        ({"problems": (Problem("a.jpg", "failed", ""),)}, 1, ["All that has no crop, and why: {}"]),
        (
            {"problems": (Problem("a.jpg", "no face", ""), Problem("b", "folder not listed", ""))},
            0,
            ["All that has no crop, and why: {}"],
        ),
    ],
)
def test_what_is_left_to_do_is_said_below_the_report(found, code, lines, tmp_path, monkeypatch, capsys) -> None:
    report = FolderReport(**REPORT | found)
    monkeypatch.setattr(command, "align_folder", lambda *_, **__: report)
    assert command.main([str(tmp_path / "in"), str(tmp_path / "out")]) == code
    expected = [line.format(tmp_path / "out" / "not_aligned.csv") for line in lines]
    assert capsys.readouterr().out == "\n".join([str(report), *expected]) + "\n"
