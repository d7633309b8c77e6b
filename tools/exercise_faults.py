"""What is wrong with an exercise: right answers that are refused, and answers that get through and must not."""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from course_lib import exercises as library
from course_lib.exercises.arrays import Unreadable, as_array
from course_lib.exercises.attempts import Stopped, answer
from course_lib.exercises.checking import FEWEST_CASES
from course_lib.exercises.inputs import all_cases, in_float64, prepared
from course_lib.exercises.showing import show

HINTS = 3
N_DRAWN = 20
MORE_SEEDS = range(1001, 1006)  # of twenty cases each: a hundred more than the learner's check draws
LARGEST_TOLERANCE = 1e-8
ALWAYS = (0, 1, 2, -1, 0.0, True, False, float("nan"), "", (), [])


@dataclass(frozen=True)
class Check:
    """One call of `check` in a check cell: the stub it was given, and all that an answer is compared with."""

    stub: Callable[..., Any]
    reference: Callable[..., Any]
    cases: list[tuple[Any, ...]]
    options: Mapping[str, Any]

    def outcome(self, attempt: Callable[..., Any], **changed: Any) -> tuple[bool, str]:
        """Whether an attempt gets through, and what it is told; in strict mode unless `changed` says otherwise."""
        printed, options = io.StringIO(), {"strict": True} | dict(self.options) | changed
        known = iter(self.results)  # check asks the reference once a case, in order, and references can be slow
        reference = self.reference if "seed" in changed else lambda *_: copy.deepcopy(next(known))
        try:
            with contextlib.redirect_stdout(printed), _without_warnings():
                library.check(attempt, reference, self.cases, **options)
        except library.NotRightYet as error:
            return False, str(error)
        return True, printed.getvalue().strip()

    def passes(self, attempt: Callable[..., Any]) -> bool:
        """Whether an attempt gets through in strict mode."""
        return self.outcome(attempt)[0]

    @property
    def can_run(self) -> bool:
        """Whether `check` accepts the number of cases."""
        return len(self.every_case) >= FEWEST_CASES

    def runs(self, attempt: Callable[..., Any]) -> bool:
        """Whether an attempt gets to the end of at least one case without an error."""
        with in_float64(), _without_warnings():
            return any(not isinstance(answer(attempt, prepared(case))[0], Stopped) for case in self.every_case)

    @cached_property
    def every_case(self) -> list[tuple[Any, ...]]:
        """The visible cases, and behind them the drawn ones."""
        options = {"n_drawn": N_DRAWN, "seed": 0} | dict(self.options)
        return all_cases(self.cases, options.get("draw"), options["n_drawn"], options["seed"])

    @cached_property
    def results(self) -> list[Any]:
        """What the reference returns for every case, in the same order."""
        with in_float64():
            return [_without_gradient(self.reference(*prepared(case))) for case in self.every_case]


@dataclass(frozen=True)
class Question:
    """A function that a learner completes: its check, its published solution, its mutants by the rule they break."""

    check: Check
    solution: Callable[..., Any]
    mutants: Mapping[str, Callable[..., Any]]


def blank(question: Question) -> Iterator[str]:
    """The stub is "not done yet" for a learner, and neither it nor any other blank gets through in strict mode."""
    through, told = question.check.outcome(question.check.stub, strict=False)
    if not through or not told.startswith("not done yet"):
        yield f"untouched, it is not said to be not done yet, but: {told or 'nothing'}"

    def raises(*_: Any) -> None:
        raise NotImplementedError

    blanks = {"the stub": question.check.stub, "`return None`": lambda *_: None, "`return ...`": lambda *_: ...}
    for name, attempt in (blanks | {"NotImplementedError": raises}).items():
        if question.check.passes(attempt):
            yield f"{name} gets through in strict mode"


def solution(question: Question) -> Iterator[str]:
    """The published solution is correct."""
    through, told = question.check.outcome(question.solution)
    if not through:
        yield f"its solution is refused: {told}"


def cases(question: Question) -> Iterator[str]:
    """There are five cases or more, and at least one is drawn."""
    count = len(question.check.every_case)
    if count == len(question.check.cases):
        yield "no case is drawn: give check a function draw"
    if count < FEWEST_CASES:
        yield f"it has {count} cases, at least {FEWEST_CASES} are needed"


def hints(question: Question) -> Iterator[str]:
    """There are three hints, all different."""
    given = len(set(question.check.options.get("hints", ())))
    if given != HINTS:
        yield f"it has {given} graded hints, {HINTS} are needed, from a first push to nearly the solution"


def constant(question: Question) -> Iterator[str]:
    """No constant and none of the inputs is accepted as the answer."""
    visible = question.check.results[: len(question.check.cases)]
    accepted = [show(value) for value in (*visible, *ALWAYS) if question.check.passes(lambda *_, value=value: value)]
    yield from (f"`return {value}` passes" for value in dict.fromkeys(accepted))
    for place in range(max(map(len, question.check.cases), default=0)):
        if question.check.passes(lambda *inputs, place=place: inputs[place]):
            yield f"returning argument {place + 1} unchanged passes"


def look_up(question: Question) -> Iterator[str]:
    """A table of what the visible cases expect is not accepted, whatever it answers otherwise."""
    table = question.check.results[: len(question.check.cases)]
    for otherwise in table:
        rows = iter(table)  # the visible cases come first and in their order
        if question.check.passes(lambda *_, rows=rows, otherwise=otherwise: next(rows, otherwise)):
            yield f"a table of the {len(table)} visible cases passes"
            return


def mutant(question: Question) -> Iterator[str]:
    """Each rule of the task has a mutant that breaks it, that runs on some case, and that is refused."""
    if not question.mutants:
        yield "it has no mutants: write one for each rule of the task"
    for rule, wrong in question.mutants.items():
        if question.check.passes(wrong):
            yield f"its mutant passes: {rule}"
        elif not question.check.runs(wrong):
            yield f"its mutant stops with an error on every case, which proves nothing: {rule}"


def reference(question: Question) -> Iterator[str]:
    """The reference agrees with the solution on other draws, goes another way, and is compared in float64."""
    if question.check.options.get("draw"):
        outcomes = (question.check.outcome(question.solution, seed=seed, n_drawn=N_DRAWN) for seed in MORE_SEEDS)
        refusal = next((told for through, told in outcomes if not through), "")
        if refusal:
            yield f"on other draws it disagrees with the solution: {refusal}"
    steps = steps_of(question.check.reference)
    if steps and steps == steps_of(question.solution):
        yield "it is the solution again: compute the same in another way"
    tolerance = question.check.options.get("tolerance", 0)
    if tolerance > LARGEST_TOLERANCE:
        yield f"its tolerance of {tolerance} would hide float32: at most {LARGEST_TOLERANCE}"
    if is_float32(question.check.results, question.check.every_case):
        yield "its results have the precision of float32"


def steps_of(function: Callable[..., Any]) -> str:
    """The body of a function without its names and docstring; empty for what has no source, such as a built-in."""
    try:
        definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):  # no file, no Python function, or a lambda within a longer line
        return ""
    if not isinstance(definition, ast.FunctionDef):
        return ""
    places = {argument.arg: f"argument {place}" for place, argument in enumerate(definition.args.args)}
    for node in ast.walk(definition):
        if isinstance(node, ast.Name):
            node.id = places.get(node.id, node.id)
    return "\n".join(map(ast.dump, definition.body[1 if ast.get_docstring(definition) else 0 :]))


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Wrong answers divide by zero and average nothing: nobody needs to read of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_float32(results: list[Any], given: list[Any]) -> bool:
    """Whether all results with a long binary fraction, those given as input apart, are ones that float32 can hold."""
    numbers = np.setdiff1d(np.abs(_numbers(tuple(results))), np.abs(_numbers(tuple(given))))
    long = numbers[numbers * 2.0**16 != np.rint(numbers * 2.0**16)]
    return bool(long.size) and bool(np.all(long.astype(np.float32) == long))


def _without_gradient(result: Any) -> Any:
    """The result with its tensors cut off from their graph, which cannot be copied."""
    if isinstance(result, (tuple, list)):
        return type(result)(map(_without_gradient, result))
    return result.detach() if hasattr(result, "detach") else result


def _numbers(result: Any) -> np.ndarray:
    """All finite numbers in a result as one row of float64."""
    if isinstance(result, (tuple, dict)):
        parts = result.values() if isinstance(result, dict) else result
        return np.concatenate([*map(_numbers, parts), []])
    try:
        array = as_array(result)
    except Unreadable:
        return np.empty(0)
    row = array.astype(np.float64).ravel() if array.dtype.kind in "iuf" else np.empty(0)
    return row[np.isfinite(row)]


KINDS: dict[str, Callable[[Question], Iterator[str]]] = {
    "blank": blank,
    "solution": solution,
    "cases": cases,
    "hints": hints,
    "constant": constant,
    "look-up": look_up,
    "mutant": mutant,
    "reference": reference,
}
