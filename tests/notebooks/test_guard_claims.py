"""tools/guard_claims.py: guards are taken apart, their values survive JSON, and their conditions are judged again."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pandas as pd
import pytest
import torch

from tools.guard_claims import Claim, decoded, encoded, falls, moved, n_numbers, size_of
from tools.printed_numbers import Tolerance, numbers_of, pieces_of_text


def claim(condition: str, *names: str) -> Claim:
    return Claim("it is so", condition, {name: name for name in names})


def found(condition: str, values: dict, tolerance: str | None = None, printed: str = "") -> list[str]:
    numbers = numbers_of(pieces_of_text(printed))
    return list(
        falls(claim(condition, *values), values, lambda value: size_of(value, Tolerance.parse(tolerance), numbers))
    )


def test_a_guard_is_taken_apart() -> None:
    read = Claim.read(
        'course_lib.guard(\n    "a beats b",\n    a > b + 0.1,\n    a=results["a"],\n    b=min(others),\n)'
    )
    assert read == Claim("a beats b", "a > b + 0.1", {"a": "results['a']", "b": "min(others)"})


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "print(1)",
        'guard("a b c")',
        'guard(f"{x}", x > 1, x=x)',
        'guard("a b c", x > 1, **values)',
        "guard(1)\n2",
    ],
)
def test_anything_else_is_no_guard(source: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Claim.read(source)


def test_values_come_back_from_the_kernel_as_they_were() -> None:
    values = {
        "share": np.float32(0.1),
        "counts": np.array([[1, 2], [3, 4]]),
        "means": torch.tensor([0.1, 0.2], requires_grad=True),
        "names": ["a", "b"],
        "by_name": {"a": 1.5, 2: (True, None), ("b", False): []},
        "column": pd.Series([1.0, 2.0]),
        "flag": np.bool_(True),
        "n": np.int64(3),
    }
    read = Claim("it is so", "n", {name: name for name in values})
    space, printed = dict(values), io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(read.snippet(), space)
    assert space.keys() - {"__builtins__"} == values.keys()
    back = {name: decoded(value) for name, value in json.loads(printed.getvalue())["it is so"].items()}
    assert back["share"] == 0.1 and back["flag"] is True and back["n"] == 3 and back["names"] == ["a", "b"]
    assert back["counts"].tolist() == [[1, 2], [3, 4]] and back["counts"].dtype.kind == "i"
    assert back["means"].tolist() == [0.1, 0.2] and back["column"].tolist() == [1.0, 2.0]
    assert back["by_name"] == {"a": 1.5, 2: [True, None], ("b", False): []}


@pytest.mark.parametrize(
    "value", [float("nan"), np.float64("inf"), object(), [1.0, float("nan")], pd.DataFrame({"a": [object()]})]
)
def test_values_that_json_cannot_hold_are_named(value: object) -> None:
    with pytest.raises(ValueError, match="give numbers"):
        decoded(json.loads(json.dumps(encoded(value))))


def test_numbers_are_counted_through_lists_arrays_and_dicts() -> None:
    assert n_numbers(encoded([1, np.zeros((2, 3)), 2.5])) == 8


@pytest.mark.parametrize(
    ("value", "tolerance", "printed", "size"),
    [
        (98.31, "2 points", "98.3 %", 2),
        (0.9831, "2 points", "98.3 %", 0.02),
        (0.5, "2 points, 0.1", "loss 0.5, 98 %", 0.1),
        (0.9831, "0.1", "98.3 %", 0),
        (500, "2 points", "98 % of 500", 0),
        (500, "3", "of 500", 3),
        (500, "3", "of 400", 0),
        (4.2, "2 points", "98 %", 2),
        (0.42, "2 points", "98 %", 0.02),
        (4.2, "2 points, 10 %", "98 %", 2),
        (42.0, "2 points, 10 %", "98 %", 4.2),
        (4.2, None, "4.2", 0),
    ],
)
def test_a_value_moves_by_the_tolerance_of_the_number_that_shows_it(
    value: float, tolerance: str | None, printed: str, size: float
) -> None:
    assert size_of(value, Tolerance.parse(tolerance), numbers_of(pieces_of_text(printed))) == pytest.approx(size)


def test_a_value_that_an_exact_cell_shows_does_not_move() -> None:
    printed, exact = (numbers_of(pieces_of_text(text)) for text in ("98 % 0.50", "0.50 30 %"))
    assert [size_of(value, Tolerance.parse("2 points, 0.1"), printed, exact) for value in (0.5, 0.3, 0.98)] == [
        0,
        0,
        0.02,
    ]


def test_what_moves_and_what_does_not() -> None:
    value = {"a": [1.0, 2, True, "x", None], "b": np.array([1.0, 2.0])}
    up = moved(value, lambda _: 1.5, 1)
    assert up["a"] == [2.5, 3, True, "x", None] and up["b"].tolist() == [2.5, 3.5]
    assert moved(np.array([1, 2]), lambda _: 0.9, -1).tolist() == [1, 2]


def test_a_claim_that_is_false_within_the_tolerance_is_found_and_says_how() -> None:
    assert not found("a > b + 0.1", {"a": 0.9, "b": 0.7}, "0.05", "0.90 0.70")
    assert found("a > b + 0.1", {"a": 0.9, "b": 0.7}, "0.15", "0.90 0.70") == [
        "'it is so' is false with b higher: a = 0.9, b = 0.85",
        "'it is so' is false with a lower: a = 0.75, b = 0.7",
    ]
    assert found("a < 1", {"a": 0.9}, "10 points", "0.9") == []
    assert found("a + b > 1.7", {"a": 0.9, "b": 0.9}, "0.06", "0.9") == [
        "'it is so' is false with all values lower: a = 0.84, b = 0.84"
    ]
    assert found("r['a'] > r['b']", {"r": {"a": 0.9, "b": 0.8}}, "0.1", "0.9, 0.8") == [
        "'it is so' is false with r b higher: r = {'a': 0.9, 'b': 0.9}",
        "'it is so' is false with r a lower: r = {'a': 0.8, 'b': 0.8}",
    ]
    assert not found("(curve > 0).all()", {"curve": np.array([0.1, 0.2])}, "0.05", "0.1")
    assert len(found("(curve > 0).all()", {"curve": np.array([0.1, 0.2])}, "0.1", "0.1")) == 2
    assert not found("all(a > b for a, b in zip(one, other))", {"one": [2.0], "other": [1.0]}, "0.1", "1.0 2.0")


def test_a_claim_that_was_false_when_recorded_is_said_once() -> None:
    assert found("a > 1", {"a": 0.5}, "0.1", "0.5") == ["'it is so' is false as recorded: a = 0.5"]


@pytest.mark.parametrize("condition", ["a > other", "a.no_such > 1", "open('x')", "__import__('os')", "a > math.pi"])
def test_a_condition_that_needs_more_than_its_values_is_a_fault(condition: str) -> None:
    (fault,) = found(condition, {"a": 2.0})
    assert "cannot be judged by its values alone" in fault
