"""The environment beside the project's is made once, and the table shows the largest difference of each name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import parity

ROOT = Path(__file__).resolve().parents[2]


def test_the_environment_is_made_once_and_sees_the_projects_packages(tmp_path, monkeypatch):
    folder = tmp_path / "parity"
    packages = folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    commands = []

    def run(command: list[str], **options: object) -> None:
        commands.append(command[1:])
        assert not list(packages.glob("*.pth")), "pip must not see the project's packages"
        if command[1:3] == ["-m", "venv"]:
            packages.mkdir(parents=True)
        else:
            record = packages / "facenet_pytorch-2.5.3.dist-info/RECORD"
            record.parent.mkdir()
            (packages / "facenet.py").write_bytes(b"1\n")
            record.write_text("facenet.py,,2\n")

    monkeypatch.setattr(parity, "FOLDER", folder)
    monkeypatch.setattr(parity.subprocess, "run", run)
    monkeypatch.setattr(parity.os, "name", "posix")
    assert parity.ready_python() == folder / "bin/python"
    assert [command[1] for command in commands] == ["venv", "pip"]
    assert commands[1][-2:] == ["--no-deps", "facenet-pytorch==2.5.3"]
    first, second = (packages / "beside.pth").read_text().splitlines()
    assert first.startswith("import site; site.addsitedir(") and second == str(ROOT)
    parity.ready_python()
    assert len(commands) == 2, "it was there"
    (packages / "facenet.py").unlink()
    (packages / "beside.pth").unlink()
    monkeypatch.setattr(parity.subprocess, "run", lambda command, **options: commands.append(command[1:]))
    parity.ready_python()
    assert len(commands) == 4, "half of it was there"


@pytest.mark.slow
def test_the_table_shows_the_largest_of_each_name_and_shapes_must_agree(tmp_path):
    (tmp_path / "test_a.py").write_text(
        "def test_one(largest_difference):\n"
        "    assert largest_difference('some', [1, 2], [1, 2.5]) == 0.5\n"
        "    assert largest_difference('some', [[1]], [[1.25]]) == 0.25\n"
        "    assert largest_difference('none', [], []) == 0\n"
        "def test_two(largest_difference):\n"
        "    largest_difference('shapes', [1, 2], [1])\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tools.largest_differences", "--rootdir", str(tmp_path)]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "1 failed, 1 passed" in done.stdout and "shapes: (2,) beside (1,)" in done.stdout
    table = done.stdout.split("largest differences")[1].splitlines()
    assert [line.split() for line in table[1:3]] == [["0.5", "some"], ["0", "none"]]
