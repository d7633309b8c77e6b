"""Every exercise: blank it is not done yet, its solution is correct, and no constant, table or mutant gets through."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.exercise_faults import KINDS
from tools.notebook_exercises import MUTANTS, exercises, faults, mutants_of, recorded, solution_of
from tools.notebook_tasks import Explanation, OpenTask, explanations, open_tasks, predictions
from tools.notebooks import NOTEBOOKS


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_exercises_of_a_notebook_have_no_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    found = {kind: sentences for kind, sentences in faults(path).items() if sentences}
    text = "\n".join(f"{kind}: {sentence}" for kind, sentences in found.items() for sentence in sentences)
    assert not found, text


def test_solutions_and_mutants_belong_to_a_notebook() -> None:
    notebooks = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    files = [*(NOTEBOOKS / "solutions").glob("*.py"), *MUTANTS.glob("*.py")]
    assert [path.name for path in files if path.stem not in notebooks] == []


# A small exercise that keeps every rule, and is spoilt by the tests.
GOOD = {
    "imports": "import numpy as np\nfrom course_lib import exercises",
    "exercise": "def clipped_mean(values, limit): ...",
    "check": """
def by_sorting(values, limit):
    kept = sorted(v for v in values.tolist() if abs(v) <= limit)
    return sum(kept) / len(kept) if kept else 0.0

def draw(rng):
    return rng.normal(size=rng.integers(1, 9)), rng.uniform(0.2, 2)

cases = [(np.array([1.0, 2.0, 9.0]), 2.0), (np.array([5.0]), 1.0), (np.array([-3.0, 1.5]), 3.0)]
hints = ("Which values stay?", "What if none stays?", "values[np.abs(values) <= limit]")
exercises.check(clipped_mean, by_sorting, cases, draw=draw, hints=hints)
""",
    "predict": "guess = exercises.predict(..., question='How many stay?')",
    "solution": """
import numpy as np

def clipped_mean(values, limit):
    kept = values[np.abs(values) <= limit]
    return kept.mean() if len(kept) else 0.0
""",
    "mutants": """
import numpy as np

def strictly_below(values, limit):
    kept = values[np.abs(values) < limit]
    return kept.mean() if len(kept) else 0.0

def nan_of_nothing(values, limit):
    return values[np.abs(values) <= limit].mean()

MUTANTS = {"clipped_mean": {"a value at the limit stays": strictly_below, "of none the mean is 0": nan_of_nothing}}
""",
}


def guilt(folder: Path, part: str = "check", *edits: tuple[str, str]) -> list[str]:
    """The faults of the small exercise after edits to one part of it, each with its kind."""
    parts = dict(GOOD)
    for old, new in edits:
        assert old in parts[part]
        parts[part] = parts[part].replace(old, new)
    tags = ("imports", "predict", "exercise", "check")
    cells = [new_code_cell(parts[tag], metadata={"tags": [tag]}) for tag in tags]
    nbformat.write(new_notebook(cells=cells), folder / "n.ipynb")
    for name, text in (("solutions", parts["solution"]), ("mutants", parts["mutants"])):
        (folder / name).mkdir()
        (folder / name / "n.py").write_text(text, encoding="utf-8")
    found = faults(folder / "n.ipynb", folder / "mutants")
    return [f"{kind}: {sentence}" for kind, sentences in found.items() for sentence in sentences]


def test_a_good_exercise_has_no_fault(tmp_path: Path) -> None:
    assert guilt(tmp_path) == []


FAULTS = {
    "blank: clipped_mean: untouched, it is not said to be": ("exercise", (": ...", ": return 1.0")),
    "solution: clipped_mean: its solution is refused": ("solution", ("mean()", "sum()")),
    "cases: clipped_mean: no case is drawn": ("check", ("cases, draw=draw", "2 * cases")),
    "cases: clipped_mean: it has 4 cases": ("check", ("draw=draw", "draw=draw, n_drawn=1")),
    "hints: clipped_mean: it has 2 graded hints": ("check", ("What if none stays?", "Which values stay?")),
    "hints: clipped_mean: it has 0 graded hints": ("check", ("hints=hints", "hints=()")),
    "constant: clipped_mean: `return 1.5` passes": ("check", ("cases, draw=draw", "5 * cases[:1]")),
    "constant: clipped_mean: returning argument 2 unchanged passes": (
        "check",
        ("sum(kept) / len(kept) if kept else 0.0", "1 * limit"),
    ),
    "look-up: clipped_mean: a table of the 6 visible cases": ("check", ("cases, draw=draw", "2 * cases")),
    "mutant: clipped_mean: it has no mutants": ("mutants", ("MUTANTS =", "MUTANTS = {} and")),
    "mutant: clipped_mean: its mutant passes: a value at the limit stays": ("mutants", ("< limit", "<= limit")),
    "stops with an error on every case, which proves nothing: of none": ("mutants", ("g(values, limit)", "g(values)")),
    "asked: f: has mutants, but is no exercise": ("mutants", ('{"clipped', '{"f": {}, "clipped')),
    "asked: clipped_mean: not checked by its cell": ("check", ("check(clipped_mean", "check(by_sorting")),
    "asked: clipped_mean: checked, but not asked for, or without a solution": ("solution", ("clipped_mean", "clip")),
    "reference: clipped_mean: it is the solution again": (
        "check",
        ("sorted(v for v in values.tolist() if abs(v) <= limit)", "values[np.abs(values) <= limit]"),
        ("sum(kept) / len(kept) if kept", "kept.mean() if len(kept)"),
    ),
    "reference: clipped_mean: its results have the precision of float32": (
        "check",
        ("return sum(kept)", "return np.float32(sum(kept))"),
    ),
    "reference: clipped_mean: its tolerance of 1e-06": ("check", ("hints=hints", "hints=hints, tolerance=1e-6")),
    "reference: clipped_mean: on other draws it disagrees": (
        "check",
        ("if kept else 0.0", "if kept else 0.0 if limit < 0.6 else 1.0"),
    ),
    "predict: a cell tagged `predict` does not call predict(..., question=…)": ("predict", ("...", "80")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, tmp_path: Path) -> None:
    part, *edits = FAULTS[fault]
    assert fault in "\n".join(guilt(tmp_path, part, *edits))


def test_every_kind_of_fault_is_tried() -> None:
    assert {fault.partition(":")[0] for fault in FAULTS} >= {"asked", "predict", *KINDS}


def test_a_check_may_use_only_the_imports_and_its_exercise() -> None:
    cells = {"imports": "import math", "exercise": "def f(x): ...", "check": "f(angles)"}
    notebook = new_notebook(cells=[new_code_cell(text, metadata={"tags": [tag]}) for tag, text in cells.items()])
    notebook.cells.insert(1, new_code_cell("angles = 3"))
    (exercise,) = exercises("n", notebook)
    with pytest.raises(NameError, match="angles"):
        recorded(exercise)


def test_a_file_of_mutants_must_define_them(tmp_path: Path) -> None:
    assert mutants_of("n", tmp_path) == {}
    (tmp_path / "n.py").write_text("def f(x): return x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"n\.py: define MUTANTS"):
        mutants_of("n", tmp_path)


def test_a_mutant_may_stand_on_the_published_solution() -> None:
    assert solution_of("10_evaluation").tar_at.__name__ == "tar_at"


TASKS = """# Title

## 3. Explain: why does it work?

Answer in two sentences.

<details><summary>Model answer</summary>

Because it must.

</details>

## Open task: your own faces (45 minutes)

Take ten photographs.

| What counts | Points |
|---|---|
| consent is recorded | 2 |
| the **FAR** is stated | 3 |

## Explain nothing

No answer.

## Open task: no time

Nothing asked.
"""


def test_explanations_and_open_tasks_are_found_across_cells() -> None:
    texts = TASKS.split("\n\n")
    notebook = new_notebook(cells=[new_markdown_cell(text) for text in texts] + [new_code_cell("# Explain")])
    assert explanations(notebook) == [
        Explanation("3. Explain: why does it work?", "Answer in two sentences.", "Because it must."),
        Explanation("Explain nothing", "No answer.", ""),
    ]
    assert open_tasks(notebook) == [
        OpenTask("Open task: your own faces (45 minutes)", 45, ("consent is recorded", "the **FAR** is stated")),
        OpenTask("Open task: no time", None, ()),
    ]


def test_cells_tagged_predict_are_found() -> None:
    cells = [new_code_cell("a"), new_code_cell("b", metadata={"tags": ["predict"]})]
    assert [cell.source for cell in predictions(new_notebook(cells=cells))] == ["b"]
