from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.int8_thresholds import GRID, compare, count

COMMITTED = Path(__file__).resolve().parents[2] / "benchmarks/records"


def test_a_pair_on_the_threshold_is_accepted():
    found = count(np.array([0.37, 0.20, 0.37, 0.36]), np.array([True, True, False, False]))
    at = found["thresholds"].index(0.37)
    assert (found["genuine_pairs"], found["impostor_pairs"]) == (2, 2)
    assert (found["false_accepts"][at], found["false_rejects"][at]) == (1, 1)
    assert (found["false_accepts"][at + 1], found["false_rejects"][at + 1]) == (0, 2)


def test_the_table_gives_both_rates_at_the_default():
    figures = count(np.array([0.5] * 9 + [0.1] + [0.0] * 4), np.array([True] * 10 + [False] * 4))
    far, frr = compare({**figures, "default": 0.3})
    assert (far["value"], frr["value"]) == (0, 10) and far["name"] == "FAR at 0.3"
    assert frr["low"] < 10 < frr["high"] and far["high"] == pytest.approx(48.99, abs=0.01)  # Wilson, 0 of 4


def test_the_record_agrees_with_that_of_the_shipped_model():
    def figures(name: str) -> dict:
        return json.loads((COMMITTED / f"{name}.json").read_text(encoding="utf-8"))["figures"]

    counted = figures("int8_thresholds")
    (run,) = (
        run for run in figures("shipped_model")["runs"] if (run["detector"], run["model"]) == ("MTCNN", "student, int8")
    )
    assert counted["thresholds"] == GRID and counted["default"] == round(run["threshold"], 2)
    at = GRID.index(counted["default"])
    errors = counted["false_accepts"][at] + counted["false_rejects"][at]
    pairs = counted["impostor_pairs"] + counted["genuine_pairs"]
    assert errors / pairs == pytest.approx(1 - run["accuracy"], abs=0.003)  # it was chosen to two digits more
