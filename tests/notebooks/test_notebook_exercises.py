"""Every exercise: untouched it is "not done yet", its solution is correct, each wrong answer gets its hint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.notebook_exercises import Exercise, exercises, run, solutions
from tools.notebook_guards import Committed
from tools.notebooks import NOTEBOOKS


def all_exercises(folder: Path) -> list[Exercise]:
    return [
        exercise
        for path in sorted(folder.glob("*.ipynb"))
        for exercise in exercises(path.stem, nbformat.read(path, as_version=4))
    ]


def answers(module, exercise: Exercise) -> dict[str, Callable]:
    return {name: getattr(module, name) for name in exercise.functions}


def prove(exercise: Exercise, folder: Path) -> None:
    """Answer one exercise in every way that its solutions file names."""
    assert exercise.functions, "an exercise cell must define the function that the learner completes"
    module = solutions(folder / "solutions" / f"{exercise.notebook}.py")
    printed = run(exercise)
    assert "not done yet" in printed and "correct" not in printed
    printed = run(exercise, answers(module, exercise))
    assert printed.count("correct") >= len(exercise.functions) and "not done yet" not in printed
    for name in exercise.functions:
        assert module.WRONG.get(name), f"give WRONG[{name!r}] at least one wrong answer"
        for fragment, wrong in module.WRONG[name].items():
            with pytest.raises(AssertionError) as failure:
                run(exercise, answers(module, exercise) | {name: wrong})
            assert fragment in str(failure.value) and "hint:" in str(failure.value)


@pytest.mark.parametrize("exercise", all_exercises(NOTEBOOKS), ids=lambda e: f"{e.notebook}-{'-'.join(e.functions)}")
def test_committed_exercise(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(NOTEBOOKS)
    prove(exercise, NOTEBOOKS)


def test_every_solution_and_wrong_answer_belongs_to_an_exercise() -> None:
    for path in sorted((NOTEBOOKS / "solutions").glob("*.py")):
        asked = {name for e in all_exercises(NOTEBOOKS) if e.notebook == path.stem for name in e.functions}
        assert set(solutions(path).WRONG) == asked, f"{path.name}: WRONG must name exactly the exercises' functions"


def test_the_sample_exercise(sample_folder: Path) -> None:
    (exercise,) = all_exercises(sample_folder)
    assert (exercise.notebook, exercise.functions) == ("sample", ("cosine",))
    prove(exercise, sample_folder)


@pytest.mark.parametrize(
    "old, new, error",
    [
        ("/ np.sqrt(np.dot(a, a) * np.dot(b, b))", "", "5 times what is expected"),  # the solution is wrong
        ("lambda a, b: np.dot(a, b)", "cosine", "DID NOT RAISE"),  # the wrong answer is right
        ("5 times what", "7 times what", "7 times what"),  # the message is not the promised one
        ('WRONG = {"cosine"', 'WRONG = {"sine"', "at least one wrong answer"),
    ],
)
def test_bad_solutions_are_seen(old: str, new: str, error: str, sample_folder: Path, tmp_path: Path) -> None:
    (exercise,) = all_exercises(sample_folder)
    text = (sample_folder / "solutions" / "sample.py").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "sample.py").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises((AssertionError, pytest.fail.Exception), match=error):
        prove(exercise, tmp_path)


def test_a_check_may_use_only_the_imports_and_its_exercise(sample: Committed, tmp_path: Path) -> None:
    cells = {"imports": "import math", "exercise": "def f(x): ...", "check": "f(angles)"}
    notebook = new_notebook(cells=[new_code_cell(text, metadata={"tags": [tag]}) for tag, text in cells.items()])
    notebook.cells.insert(1, new_code_cell("angles = 3"))
    (exercise,) = exercises("n", notebook)
    with pytest.raises(NameError, match="angles"):
        run(exercise)


def test_solutions_need_wrong_answers(tmp_path: Path) -> None:
    (tmp_path / "n.py").write_text("def f(x): return x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"n\.py: define WRONG"):
        solutions(tmp_path / "n.py")
