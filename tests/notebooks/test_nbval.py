"""nbval with this repository's settings passes the sample, fails on a changed result, ignores pictures and warnings."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.nbval_numbers import sanitized

ROOT = Path(__file__).resolve().parents[2]
SANITIZE = Path(__file__).with_name("sanitize.cfg")


def change(output: nbformat.NotebookNode) -> None:
    """Another picture, another warning, a rate just within its 2 points, and another number of a step."""
    if "image/png" in output.get("data", {}):
        output.data["image/png"] = "aGk="
    if output.get("name") == "stderr":
        output.text = "another warning\n"
    if output.get("name") == "stdout":
        output.text = output.text.replace("half way: 70.7%", "half way: 72.7%").replace("step 1\n", "step 9\n")


@pytest.fixture(scope="module")
def outcomes(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], str]:
    """(notebook, code cell from 0) -> PASSED, FAILED or SKIPPED, of the sample and of a copy with changed outputs."""
    folder = tmp_path_factory.mktemp("nbval")
    shutil.copy(sample_folder / "sample.ipynb", folder)
    changed = nbformat.read(folder / "sample.ipynb", as_version=4)
    for output in (output for cell in changed.cells if cell.cell_type == "code" for output in cell.outputs):
        change(output)
    text = nbformat.writes(changed)
    assert all(change in text for change in ("aGk=", "another warning", "72.7%", "step 9")), text
    (folder / "changed.ipynb").write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "-p",
        "conftest",
        "--rootdir",
        str(folder),
    ]
    command += ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    found = re.findall(r"/(\w+)(?:\.|::)ipynb::Cell (\d+) (\w+)", done.stdout)
    assert found, done.stdout + done.stderr
    return {(name, int(cell)): outcome for name, cell, outcome in found}


@pytest.mark.slow
def test_the_sample_passes_and_its_widget_is_skipped(outcomes: dict[tuple[str, int], str]) -> None:
    results = [outcome for (name, _), outcome in outcomes.items() if name == "sample"]
    assert results.count("SKIPPED") == 1 and results.count("PASSED") == len(results) - 1 > 10


@pytest.mark.slow
def test_another_step_fails_and_another_warning_picture_or_rate_within_its_tolerance_does_not(
    outcomes: dict[tuple[str, int], str], sample_folder: Path
) -> None:
    code = [
        cell for cell in nbformat.read(sample_folder / "sample.ipynb", as_version=4).cells if cell.cell_type == "code"
    ]
    (step,) = [number for number, cell in enumerate(code) if cell.source == 'print("step 1")']
    assert [cell for (name, cell), outcome in outcomes.items() if name == "changed" and outcome == "FAILED"] == [step]


@pytest.mark.slow
def test_the_full_mode_is_refused(sample_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_FULL", "1")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        "--nbval",
        str(sample_folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "COURSE_FULL is set" in done.stdout + done.stderr


def test_sanitize_leaves_results_alone() -> None:
    for text in ("accuracy 98.30 %", "parameters 1,003,136", "ratio 0.31", "3 of 10 folds", "shape (64, 3, 112, 112)"):
        assert sanitized(text) == text
    noise = "<Line2D at 0x7f1c2a4b9d30> in 12.3 s with torch 2.14.1+cpu"
    assert sanitized(noise) == "<Line2D at ADDRESS> in TIME with torch VERSION"
