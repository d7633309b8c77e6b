"""The claims of a notebook's guards, told apart from their numbers: would a sentence still hold if its numbers moved?

A guard cell is one call, guard("sentence", condition, name=value, ...), and its condition speaks of those names alone.
`Claim.read` takes it apart, `Claim.snippet` is code that prints the values, and `falls` judges the condition again
with the values moved by the tolerance of the numbers that were printed above.

What moves by how much: a value that equals a printed number, to its printed digits, moves by that number's tolerance,
and a fraction that was printed in percent by a hundredth of it. Printed counts what the nearest cell above that
declares a tolerance shows, and the cells behind that one, which declare none: what equals one of theirs does not move.
Any other value with decimals moves by the widest that could be meant: points for a value beyond one, a hundredth of the
points for a fraction, or the tolerance of bare numbers, or the relative one. So print what a guard compares. Whole
numbers move by whole steps, and only if they were printed; words, True and False never move. An array or a list moves
as a whole, a dict entry by entry and as a whole.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .notebook_guards import PURE
from .printed_numbers import Number, Tolerance


@dataclass(frozen=True)
class Claim:
    """The sentence of a guard, its condition, and the expression of each value, as the cell writes them."""

    sentence: str
    condition: str
    values: dict[str, str]

    @classmethod
    def read(cls, source: str) -> Claim:
        """Take the source of a guard cell apart; ValueError if it is anything but one call of guard."""
        body = ast.parse(source).body
        call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
        if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] != "guard" or len(call.args) != 2:
            raise ValueError(f'expected one call, guard("sentence", condition, name=value), got: {source!r}')
        sentence, condition = call.args
        if not (isinstance(sentence, ast.Constant) and isinstance(sentence.value, str)):
            raise ValueError(f"expected the sentence as a plain string, got: {ast.unparse(sentence)}")
        if any(keyword.arg is None for keyword in call.keywords):
            raise ValueError("expected every value by its name, got **values")
        values = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        return cls(sentence.value, ast.unparse(condition), values)

    def snippet(self) -> str:
        """Code that prints the values as JSON, under the sentence, and leaves no name behind in the kernel."""
        values = ", ".join(f"{name!r}: {expression}" for name, expression in self.values.items())
        code = (
            f"from __future__ import annotations\nimport json\n\n{inspect.getsource(encoded)}\n\n"
            "print(json.dumps({sentence: {name: encoded(value) for name, value in values.items()}}))"
        )
        return f"exec({code!r}, {{'sentence': {self.sentence!r}, 'values': {{{values}}}}})"

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition is true of these values; NameError if it needs anything else."""
        names = [node for node in ast.walk(ast.parse(self.condition)) if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        unknown = {node.id for node in names} - bound - PURE - values.keys()
        if unknown:
            raise NameError(f"{', '.join(sorted(unknown))}")
        return bool(eval(self.condition, {"np": np, **values}))


def encoded(value: Any) -> Any:
    """A guard's value as JSON can hold it; `decoded` is the way back. Runs in the kernel of the notebook."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else {"unreadable": repr(value)}
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if type(value).__module__ == "numpy":
        if getattr(value, "ndim", 0):
            return {"array": [encoded(item) for item in value]}
        # The shortest decimals that name a float32, not those of the float64 next to it.
        return encoded(float(str(value[()])) if value.dtype.kind == "f" else value.item())
    if isinstance(value, (list, tuple)):
        return [encoded(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encoded(key), encoded(item)] for key, item in value.items()]}
    return {"unreadable": type(value).__name__}


def decoded(value: Any) -> Any:
    """The value that was encoded; ValueError for one that JSON cannot hold."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return np.array([decoded(item) for item in content])
    if kind == "dict":
        keys = (tuple(decoded(key)) if isinstance(key, list) else decoded(key) for key, _ in content)
        return dict(zip(keys, (decoded(item) for _, item in content), strict=True))
    raise ValueError(f"a value is {content}: give numbers, words, or lists, arrays and dicts of them")


def falls(claim: Claim, values: Mapping[str, Any], size: Callable[[float], float]) -> Iterator[str]:
    """Ways in which the sentence becomes false while each of its values, decoded, moves by its `size`.

    Each value alone and all together, up and down; nothing is tried further if the condition is not true as recorded.
    """
    attempts = [("as recorded", dict(values))]
    for direction, word in ((1, "higher"), (-1, "lower")):
        attempts += [(f"with {name} {word}", attempt) for name, attempt in _one_moved(values, size, direction)]
        attempts.append((f"with all values {word}", moved(dict(values), size, direction)))
    for words, attempt in attempts:
        try:
            if claim.holds(attempt):
                continue
        except Exception as error:
            yield f"{claim.sentence!r} cannot be judged by its values alone: {type(error).__name__}: {error}"
            return
        shown = ", ".join(f"{name} = {_short(value)}" for name, value in attempt.items())
        yield f"{claim.sentence!r} is false {words}: {shown}"
        if attempt is attempts[0][1]:
            return


def _one_moved(
    values: Mapping[Any, Any], size: Callable[[float], float], direction: int
) -> Iterator[tuple[str, dict[Any, Any]]]:
    """The values with one of them moved, each in turn, and the name of that one."""
    for name, value in values.items():
        if isinstance(value, dict):
            changes = _one_moved(value, size, direction)
        else:
            changes = iter([("", moved(value, size, direction))])
        yield from ((f"{name} {inner}".strip(), {**values, name: change}) for inner, change in changes)


def moved(value: Any, size: Callable[[float], float], direction: int) -> Any:
    """The value, and all in it, moved up or down by `size` of each number; whole numbers by whole steps."""
    if isinstance(value, (bool, np.bool_, str)) or value is None:
        return value
    if isinstance(value, int):
        return value + direction * math.floor(size(value))
    if isinstance(value, float):
        return value + direction * size(value)
    if isinstance(value, np.ndarray):
        return np.array([moved(item, size, direction) for item in value.tolist()])
    if isinstance(value, dict):
        return {key: moved(item, size, direction) for key, item in value.items()}
    return [moved(item, size, direction) for item in value]


def size_of(value: float, tolerance: Tolerance, printed: Sequence[Number], exact: Sequence[Number] = ()) -> float:
    """How far a guard's value may lie from the recorded one.

    `printed` are the numbers of the cell that declares the tolerance, `exact` those of the cells behind it.
    """
    if any(_shows(number, value) or _shows(number, value, 100) for number in exact):
        return 0.0
    sizes = [float(tolerance.allowed(number)) for number in printed if _shows(number, value)]
    sizes += [float(tolerance.allowed(number)) / 100 for number in printed if _shows(number, value, 100)]
    if sizes or isinstance(value, int):
        return max(sizes, default=0.0)
    points = float(tolerance.points) / (100 if abs(value) <= 1 else 1)
    return max(points, float(tolerance.plain), float(tolerance.relative) * abs(value))


def _shows(number: Number, value: float, times: int = 1) -> bool:
    """Whether the printed number is the value, or the value in percent where `times` is 100."""
    if times == 100 and not (number.in_points and isinstance(value, float)):
        return False
    return abs(times * value - float(number.value)) <= 0.501 * float(number.step)


def n_numbers(value: Any) -> int:
    """How many numbers an encoded value holds."""
    if isinstance(value, dict):
        return sum(map(n_numbers, value.values()))
    return sum(map(n_numbers, value)) if isinstance(value, list) else 1


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, np.ndarray)):
        shown = ", ".join(_short(item) for item in list(value)[:5])
        return f"[{shown}{', …' if len(value) > 5 else ''}]"
    return str(value)
