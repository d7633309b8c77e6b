"""The exercises of a notebook, taken out of it so that a test can answer them rightly and wrongly.

Three kinds of code cell are tagged: `imports`, `exercise` (defines the functions the learner completes, each with `...`
or `raise NotImplementedError` as its body) and `check` (calls `course_lib.exercises.check`). A check cell may use only
what the imports cells and its own exercise cell define, so an exercise can be done without the long cells.

`faults` gives every exercise the answers that a learner must not get away with, and those that must be correct.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import io
import linecache
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import nbformat
from nbformat import NotebookNode

from course_lib import exercises as library

from .exercise_faults import KINDS, Check, Question
from .notebook_tasks import explanations, open_tasks, predictions, tagged

__all__ = ["Exercise", "exercises", "explanations", "faults", "open_tasks", "predictions", "recorded", "tagged"]

ROOT = Path(__file__).resolve().parents[1]
MUTANTS = ROOT / "tests" / "notebooks" / "mutants"


@dataclass(frozen=True)
class Exercise:
    """One exercise cell with the check cell that follows it."""

    notebook: str
    imports: str
    stub: str
    check: str
    check_output: str  # as stored in the notebook

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions the learner completes."""
        return tuple(node.name for node in ast.parse(self.stub).body if isinstance(node, ast.FunctionDef))


def exercises(name: str, notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a notebook in order; ValueError if one has no check cell, a check no exercise, or no imports."""
    imports = "\n".join(cell.source for cell in notebook.cells if tagged(cell, "imports"))
    found, stub = [], None
    for position, cell in enumerate(notebook.cells, 1):
        if tagged(cell, "exercise"):
            if stub is not None:
                raise ValueError(f"{name}: the exercise before cell {position} has no cell tagged `check`.")
            stub = cell.source
        elif tagged(cell, "check"):
            if stub is None:
                raise ValueError(f"{name}: cell {position} is tagged `check`, but no exercise cell comes before it.")
            output = "".join(output.get("text", "") for output in cell.outputs)
            found.append(Exercise(name, imports, stub, cell.source, output))
            stub = None
    if stub is not None:
        raise ValueError(f"{name}: the last exercise has no cell tagged `check` after it.")
    if found and not imports:
        raise ValueError(f"{name}: no cell is tagged `imports`, so the exercises cannot be checked on their own.")
    return found


def recorded(exercise: Exercise) -> dict[str, Check]:
    """The calls of `check` in an exercise's check cell by function name, written down in place of being carried out."""
    checks: dict[str, Check] = {}
    signature = inspect.signature(library.check)

    def record(*arguments: Any, **options: Any) -> None:
        given = dict(signature.bind(*arguments, **options).arguments)
        attempt, reference, cases = (given.pop(name) for name in ("attempt", "reference", "cases"))
        checks[attempt.__name__] = Check(attempt, reference, list(cases), given)

    namespace: dict[str, Any] = {"__name__": "__exercise__"}
    with mock.patch.object(library, "check", record), contextlib.redirect_stdout(io.StringIO()):
        for part in ("imports", "stub", "check"):
            name, source = f"<{exercise.notebook}: {part} of {exercise.functions}>", getattr(exercise, part)
            linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name  # as IPython does
            exec(compile(source, name, "exec"), namespace)
    return checks


def load(path: Path) -> ModuleType:
    """A Python file as a module, wherever it lies and whatever it is called."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def solution_of(name: str) -> ModuleType:
    """The published solutions of a notebook of the course, for mutants that break one rule of them."""
    return load(ROOT / "notebooks" / "solutions" / f"{name}.py")


def mutants_of(name: str, folder: Path = MUTANTS) -> dict[str, dict[str, Callable[..., Any]]]:
    """For each function of a notebook's exercises its wrong answers, each under the rule it breaks, in words.

    Empty if the notebook has no file of mutants; ValueError if the file defines no MUTANTS.
    """
    path = folder / f"{name}.py"
    if not path.exists():
        return {}
    found = getattr(load(path), "MUTANTS", None)
    if not isinstance(found, dict):
        raise ValueError(f"{path}: define MUTANTS = {{'function': {{'the rule it breaks': wrong_function}}}}.")
    return found


def faults(path: Path, mutants: Path = MUTANTS) -> dict[str, list[str]]:
    """For each kind of fault what a notebook's exercises are guilty of, in sentences; an empty list where of none.

    The solutions lie beside the notebook in solutions/NAME.py, the mutants in the folder `mutants`. The kinds are those
    of `exercise_faults.KINDS`; "asked", what is missing before an exercise can be tried; and "predict", cells so tagged
    that are not left blank.
    """
    notebook, wrong = nbformat.read(path, as_version=4), mutants_of(path.stem, mutants)
    found: dict[str, list[str]] = {"asked": [], "predict": list(answered_predictions(notebook))}
    found |= {kind: [] for kind in KINDS}
    solved = load(path.parent / "solutions" / path.name.replace(".ipynb", ".py"))
    asked: set[str] = set()
    for exercise in exercises(path.stem, notebook):
        checks = recorded(exercise)
        asked |= {*exercise.functions}
        found["asked"] += [f"{name}: not checked by its cell" for name in exercise.functions if name not in checks]
        for name, check in checks.items():
            if name not in exercise.functions or not hasattr(solved, name):
                found["asked"].append(f"{name}: checked, but not asked for, or without a solution")
                continue
            question = Question(check, getattr(solved, name), wrong.get(name, {}))
            for kind in KINDS if check.can_run else ("cases", "hints"):
                found[kind] += [f"{name}: {sentence}" for sentence in KINDS[kind](question)]
    found["asked"] += [f"{name}: has mutants, but is no exercise" for name in wrong if name not in asked]
    return found


def answered_predictions(notebook: NotebookNode) -> Iterator[str]:
    """Cells tagged `predict` that do not call predict with `...`, the blank, as the answer."""
    for cell in predictions(notebook):
        calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
        asked = [call for call in calls if ast.unparse(call.func).split(".")[-1] == "predict"]
        if not asked or any(not call.args or ast.unparse(call.args[0]) != "..." for call in asked):
            yield f"a cell tagged `predict` does not call predict(..., question=…): {cell.source[:60]!r}"
