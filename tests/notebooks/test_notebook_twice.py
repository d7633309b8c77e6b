"""tools/notebook_twice.py: a cell that cannot be run twice fails, and one that needs its own folder too."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from nbformat import v4, write

from tools import notebook_twice

NOTEBOOKS = {
    "may be repeated": [("x = [1]", ""), ("print(sum(x))", "1\n")],
    "fails at once": [("x = 1\ny = x", ""), ("del x", "")],
    "prints more": [("x = []", ""), ("x.append(1)\nprint(len(x))", "1\n")],
    "spoils what comes later": [("count = 1", ""), ("count = str(count) + 'a'", ""), ("print(count)", "1a\n")],
    "needs its own folder": [("print(open('beside.txt').read())", "hello\n")],
}


def notebook_of(path: Path, *cells: tuple[str, str]) -> Path:
    made = [
        v4.new_code_cell(code, execution_count=number, outputs=[v4.new_output("stream", text=text)] if text else [])
        for number, (code, text) in enumerate(cells, 1)
    ]
    write(v4.new_notebook(cells=made), path)
    return path


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the notebooks that fail when each of their cells is run twice."""
    course, elsewhere = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("elsewhere")
    (course / "beside.txt").write_text("hello")
    paths = [notebook_of(course / f"{name}.ipynb", *cells) for name, cells in NOTEBOOKS.items()]
    command = notebook_twice.command(notebook_twice.write_doubled(paths, elsewhere), elsewhere, processes=0)
    done = subprocess.run(command, cwd=notebook_twice.ROOT, capture_output=True, text=True, timeout=300)
    assert "passed" in done.stdout, done.stdout + done.stderr
    return set(re.findall(r"FAILED (?:.*/)?([^/]+)\.ipynb::", done.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_only_cells_that_may_be_repeated_pass(name: str, failed: set[str]) -> None:
    assert (name in failed) == (name != "may be repeated")


def test_an_unknown_name_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert notebook_twice.main(["no such notebook"]) == 2
    assert "begins with no such notebook" in capsys.readouterr().err
