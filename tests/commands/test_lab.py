"""``face-course lab``: what it lays and says, and what JupyterLab is started with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from course_lib.commands import lab, main
from course_lib.learner_folder import RECORD
from course_lib.shipped import shipped

NOTEBOOK = "00_start_here.ipynb"


class Started(Exception):
    """In place of a process that becomes JupyterLab."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    """The program, its arguments and its environment, once JupyterLab would run."""
    found: dict[str, object] = {}

    def execve(program: str, arguments: list[str], environment: dict[str, str]) -> None:
        found.update(program=program, arguments=arguments, environment=environment)
        raise Started

    monkeypatch.setattr(lab.os, "name", "posix")
    monkeypatch.setattr(lab.os, "execve", execve)
    monkeypatch.chdir(tmp_path)
    return found


def test_it_lays_the_notebooks_and_opens_the_first(
    started: dict, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(Started):
        main(["lab", "mine", "--no-browser", "--port", "8899"])
    assert (tmp_path / "mine" / NOTEBOOK).read_bytes() == (shipped("notebooks") / NOTEBOOK).read_bytes()
    assert started["program"] == sys.executable
    assert started["arguments"][1:4] == ["-m", "jupyterlab", f"--ServerApp.root_dir={tmp_path / 'mine'}"]
    options = {"--LabApp.default_url=/lab/tree/00_start_here.ipynb", "--ServerApp.port=8899", "--no-browser"}
    assert options <= set(started["arguments"])
    assert started["environment"]["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert started["environment"]["JUPYTER_CONFIG_PATH"].startswith(str(shipped("jupyter")))
    said = capsys.readouterr().out
    assert f"The course is in {tmp_path / 'mine'}\n" in said and "files laid" in said


def test_the_folder_is_face_course_unless_this_one_holds_the_course(started: dict, tmp_path: Path) -> None:
    with pytest.raises(Started):
        main(["lab"])
    assert (tmp_path / "face-course" / RECORD).is_file()
    (tmp_path / RECORD).write_bytes((tmp_path / "face-course" / RECORD).read_bytes())
    with pytest.raises(Started):
        main(["lab"])
    assert f"--ServerApp.root_dir={tmp_path}" in started["arguments"] and (tmp_path / NOTEBOOK).is_file()


def test_a_fresh_copy_opens_nothing(started: dict, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / NOTEBOOK).write_text("mine")
    assert main(["lab", "mine", "--fresh", "00"]) == 0 and not started
    (copy,) = tmp_path.glob("mine/00_start_here-*.ipynb")
    assert capsys.readouterr().out == f"An untouched copy: {Path('mine') / copy.name}\n"
    assert (tmp_path / "mine" / NOTEBOOK).read_text() == "mine"
    assert main(["lab", "mine", "--fresh", "04"]) == 2 and "several notebooks" in capsys.readouterr().err


def test_without_jupyterlab_nothing_is_laid(
    started: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert main(["lab", "mine"]) == 1 and not (tmp_path / "mine").exists()
    assert "JupyterLab is not installed, and it shows the notebooks; pip install jupyterlab" in capsys.readouterr().err


def test_a_file_is_no_folder(started: dict, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "mine").touch()
    assert main(["lab", "mine"]) == 2 and "'mine' is a file" in capsys.readouterr().err
    (tmp_path / "yours/solutions").mkdir(parents=True)
    (tmp_path / "yours" / NOTEBOOK).mkdir()
    assert main(["lab", "yours"]) == 1 and "rename what stands there" in capsys.readouterr().err
