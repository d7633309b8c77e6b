"""tools/nbval_numbers.py under nbval itself: which cells of small notebooks pass, and what is said of the others."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
SANITIZE = Path(__file__).with_name("sanitize.cfg")
TABLE = "<table style='{}'><tr><th>ours</th><td>{}</td></tr></table>"


@dataclass
class Case:
    """A cell that prints `now` where `stored` is stored, and words of the message if it must fail."""

    now: str | dict[str, str]
    stored: str | dict[str, str]
    tolerance: str | None = None
    fails_with: str = ""
    tags: list[str] = field(default_factory=list)

    def cell(self) -> nbformat.NotebookNode:
        if isinstance(self.now, dict):
            source, output = f"display({self.now!r}, raw=True)", new_output("display_data", data=self.stored)
        else:
            source, output = f"print({self.now!r})", new_output("stream", name="stdout", text=self.stored)
        metadata = {"tags": self.tags} | ({"tolerance": self.tolerance} if self.tolerance is not None else {})
        return new_code_cell(source, execution_count=1, metadata=metadata, outputs=[output])


def html(number: object, style: str = "") -> dict[str, str]:
    return {"text/html": TABLE.format(style, number)}


CASES = {
    "equal": Case("accuracy 98.3 %", "accuracy 98.3 %"),
    "spaces": Case("a  98.3\nb", "a 98.3 b"),
    "number differs": Case("98.2 %", "98.3 %", None, "stored 98.3 %, found 98.2 %: 0.1 apart, tolerance none"),
    "number within": Case("accuracy 96.5 %", "accuracy 98.3 %", "2 points"),
    "number beyond": Case("accuracy 96.2 %", "accuracy 98.3 %", "2 points", "2.1 apart, tolerance 2"),
    "other numbers": Case("loss 1.31", "loss 1.30", "2 points", "stored 1.30, found 1.31"),
    "both kinds": Case("loss 1.31, 97 %", "loss 1.30, 98 %", "2 points, 0.02"),
    "word": Case("accuracy on lfw 98.3", "accuracy of lfw 98.3", "10", "stored the word 'of', found the word 'on'"),
    "name": Case("mobilefacenet_075", "mobilefacenet_050", "100", "mobilefacenet_050"),
    "missing number": Case("98.3 and", "98.3 and 97", "10", "stored the number 97, found nothing more"),
    "extra number": Case("98.3 and 97", "98.3 and", "10", "stored nothing more, found the number 97"),
    "lines": Case("b 2\na 1", "a 1\nb 2", "10", "stored the word 'a', found the word 'b'"),
    "NaN": Case("loss nan", "loss nan", "10", "NaN and infinity never agree"),
    "infinity": Case("loss inf", "loss 1.0", "10", "NaN and infinity never agree"),
    "sanitized": Case("<A at 0x7f1c2a4b9d30> took 3.1 s", "<A at 0x7f0000000000> took 12 s"),
    "tolerance unread": Case("1", "1", "2 pints", "'2 pints' is no tolerance"),
    "ignored": Case("took 3", "took 4", None, "", ["nbval-ignore-output"]),
    "table within": Case(html(98.1, "a"), html(98.3, "b"), "0.5"),
    "table beyond": Case(html(97.7), html(98.3), "0.5", "stored 98.3, found 97.7"),
    "table words": Case(html("no"), html("yes"), "0.5", "stored the word 'yes', found the word 'no'"),
    "table shape": Case(html("1</td><td>"), html(1), None, "found the word '<td>'"),
    "table as text": Case(html(1) | {"text/plain": "      1"}, html(1) | {"text/plain": "one"}),
    "html": Case({"text/html": "<p id=a></p>"}, {"text/html": "<p id=b></p>"}, None, "text/html: stored"),
    "html as text": Case(
        {"text/html": "<p>", "text/plain": "1"}, {"text/html": "<p>", "text/plain": "2"}, None, "stored 2, found 1"
    ),
    "result": Case({"text/plain": "[1.0, 2.04]"}, {"text/plain": "[1.0, 2.0]"}, "0.05"),
    "result beyond": Case({"text/plain": "[1.0, 2.1]"}, {"text/plain": "[1.0, 2.0]"}, "0.05", "stored 2.0, found 2.1"),
    "picture": Case({"image/png": "aGk="}, {"image/png": "aGkh"}),
    "picture gone": Case({"text/plain": "1"}, {"image/png": "aGkh"}, None, "0 outputs are stored, 1 were found"),
    "other type": Case({"application/json": "1"}, {"application/json": "2"}, "5", "application/json: stored"),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For each case nothing if its cell passed, else what pytest said of it. One notebook holds them all."""
    folder = tmp_path_factory.mktemp("nbval_numbers")
    nbformat.write(new_notebook(cells=[case.cell() for case in CASES.values()]), folder / "cases.ipynb")
    command = [sys.executable, "-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider", "-p", "conftest"]
    command += ["--rootdir", str(folder), "--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE)]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    outcomes = re.findall(r"(?m)::Cell (\d+) (PASSED|FAILED)", done.stdout)
    assert len(outcomes) == len(CASES), done.stdout + done.stderr
    messages = dict(re.findall(r"(?ms)^_+ [^\n]*::Cell (\d+) _+$(.*?)(?=^_____|^=====)", done.stdout))
    return {
        name: messages[number] if outcome == "FAILED" else ""
        for name, (number, outcome) in zip(CASES, outcomes, strict=True)
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_cell_passes_or_says_why_not(name: str, said: dict[str, str]) -> None:
    if CASES[name].fails_with:
        assert CASES[name].fails_with in said[name] and f"Cell {list(CASES).index(name)}:" in said[name]
    else:
        assert said[name] == ""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_kernel_that_dies_fails_its_cell_at_once_and_the_others_name_it(tmp_path: Path) -> None:
    sources = ("import os", "os.kill(os.getpid(), 11)", "print(1)", "print(2)")
    cells = [new_code_cell(source, execution_count=number) for number, source in enumerate(sources, 1)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "dead.ipynb")
    command = [sys.executable, "-m", "pytest", "-ra", "--color=no", "-p", "no:cacheprovider", "-p", "conftest"]
    command += ["--rootdir", str(tmp_path), "--nbval", "--nbval-current-env", "--nbval-cell-timeout", "3600"]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert "Cell 1: The kernel died by signal 11 (SIGSEGV)" in done.stdout
    assert "1 failed, 1 passed, 2 xfailed" in done.stdout
    assert done.stdout.count("the kernel died by signal 11 (SIGSEGV) in cell 1") == 2
