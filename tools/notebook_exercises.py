"""The exercises of a notebook, taken out of it so that a test can answer them rightly and wrongly.

A notebook tags three kinds of code cell: `imports`, `exercise` (defines the functions the learner completes, each with
`...` or `raise NotImplementedError` as its body) and `check` (calls `course_lib.exercises.check`). A check cell may
use only what the imports cells and its own exercise cell define, so an exercise can be done without the long cells.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from nbformat import NotebookNode


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


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether the cell carries the tag."""
    return tag in cell.metadata.get("tags", [])


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


def run(exercise: Exercise, answers: Mapping[str, Callable[..., Any]] | None = None) -> str:
    """What the check cell prints after the imports and the exercise cell, with `answers` in place of the stubs.

    An AssertionError of the check passes through.
    """
    namespace: dict[str, Any] = {"__name__": "__exercise__"}
    printed = io.StringIO()
    for part, source in (("imports", exercise.imports), ("exercise", exercise.stub)):
        exec(compile(source, f"<{exercise.notebook}: {part}>", "exec"), namespace)
    namespace.update(answers or {})
    with contextlib.redirect_stdout(printed):
        exec(compile(exercise.check, f"<{exercise.notebook}: check>", "exec"), namespace)
    return printed.getvalue()


def solutions(path: Path) -> ModuleType:
    """The module of reference solutions, notebooks/solutions/NAME.py.

    It defines every function of the exercises, and `WRONG`: for each function name a dictionary from a fragment of the
    message that the learner must see to a plausible wrong answer.
    """
    spec = importlib.util.spec_from_file_location(f"solutions_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not isinstance(getattr(module, "WRONG", None), dict):
        raise ValueError(f"{path}: define WRONG = {{'function': {{'fragment of the message': wrong_answer}}}}.")
    return module
