"""Where the course's files lie, in a clone and in a wheel, and that both say the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from course_lib import shipped

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def test_in_a_clone_they_are_the_clones() -> None:
    assert shipped.shipped("records") == ROOT / "benchmarks/records"
    assert all((ROOT / folder).is_dir() for part, folder in shipped.PARTS.items() if part != "page")


def test_in_a_wheel_they_lie_inside_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_course/notebooks").mkdir(parents=True)
    monkeypatch.setattr(shipped, "INSTALLED", tmp_path / "_course")
    assert shipped.shipped("notebooks") == tmp_path / "_course/notebooks"
    assert shipped.shipped("page") == tmp_path / "_course/page", (
        "a part that the wheel lacks is not looked for elsewhere"
    )


def test_the_wheel_is_made_of_the_same_folders() -> None:
    sources = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "sources"
    ]
    assert sources == {folder: f"course_lib/_course/{part}" for part, folder in shipped.PARTS.items()}
