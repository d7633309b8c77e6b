"""The first cell of the notebooks on Colab."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import colab

CPU = "https://download.pytorch.org/whl/cpu"
NEEDS = [
    "torch<2.15,>=2.12",
    "jupyterlab<5,>=4.4",
    "ipykernel<8,>=6.29",
    "ipywidgets<9,>=8.1",
    'tomli<3,>=2; python_version < "3.11"',
    'pytest<10; extra == "dev"',
]


@pytest.mark.parametrize("gpu", [True, False])
def test_the_cell_installs_all_but_another_jupyter(gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    monkeypatch.setattr(importlib.metadata, "requires", {"face-course": NEEDS}.__getitem__)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}" if gpu else None)
    exec(colab.INSTALL.format(course="face-course"), {})
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    cpu = [] if gpu else ["--extra-index-url", CPU]
    assert ran == [[*pip, "--no-deps", "face-course"], [*pip, NEEDS[0], NEEDS[4], *cpu]]


def test_what_is_left_out_is_what_the_course_requires() -> None:
    """Under these very names: another spelling would bring a second Jupyter."""
    required = importlib.metadata.requires("face-course")
    for name in ("ipykernel", "ipywidgets", "jupyterlab"):
        assert [need for need in required if need.startswith(name)]


def test_every_notebook_gets_the_cell_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(colab, "ROOT", tmp_path)
    monkeypatch.setattr(colab, "FOLDER", tmp_path / "dist/colab")
    source = Path(__file__).resolve().parents[2] / "notebooks/00_start_here.ipynb"
    (tmp_path / "notebooks").mkdir()
    shutil.copy(source, tmp_path / "notebooks")
    assert colab.main([]) == 0 and "1 notebooks in dist/colab" in capsys.readouterr().out
    made = json.loads((tmp_path / "dist/colab/00_start_here.ipynb").read_text(encoding="utf-8"))
    was = json.loads(source.read_text(encoding="utf-8"))
    assert made == {**was, "cells": [made["cells"][0], *was["cells"]]}
    nbformat.validate(made)
    lines = "".join(made["cells"][0]["source"]).splitlines()
    assert len(lines) <= 20 and max(map(len, lines)) <= 88
    assert colab.main(["git+https://github.com/a/b"]) == 0
    assert '"--no-deps", "git+https://github.com/a/b"' in (tmp_path / "dist/colab/00_start_here.ipynb").read_text(
        encoding="utf-8"
    ).replace('\\"', '"')


@pytest.mark.parametrize("given", [["--help"], ["a", "b"]])
def test_other_options_are_refused(given: list[str], capsys: pytest.CaptureFixture) -> None:
    assert colab.main(given) == 2 and "dist/colab" in capsys.readouterr().err
