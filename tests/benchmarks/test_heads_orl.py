from __future__ import annotations

import numpy as np
import pytest

from benchmarks import heads_orl
from benchmarks.heads_orl import HEADS, MOVES, compare, sweep
from course_lib import data
from course_lib.evaluation import paired_difference


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen people of whom five are unseen, in very small photographs, and few numbers."""
    for name, value in {"TEST_PEOPLE": 5, "PAIRS": 40, "SIZE": (32, 32), "DIM": 16}.items():
        monkeypatch.setattr(heads_orl, name, value)
    few = data.orl_faces().subset(range(150))
    monkeypatch.setattr(data, "orl_faces", lambda: few)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch: pytest.MonkeyPatch, records: None, few: None) -> None:
    runs = sweep((0,), epochs=1)["runs"]
    assert [run["head"] for run in runs] == list(HEADS)
    for run in runs:
        assert len(run["moved"]) == len(MOVES)
        assert all(0.3 < value <= 1 for value in (*run["moved"], run["mirrored_too"]))
    monkeypatch.setattr(heads_orl, "train", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), epochs=1)["runs"] == runs


def test_differences_are_paired_by_seed() -> None:
    rng, runs, of = np.random.default_rng(0), [], {}
    for head in HEADS:
        of[head] = rng.uniform(0.6, 0.9, (3, len(MOVES)))
        for seed, moved in enumerate(of[head]):
            mirrored = float(moved[0]) + 0.01 * seed
            runs.append({"head": head, "seed": seed, "moved": moved.tolist(), "mirrored_too": mirrored})
    rows = {row["name"]: row for row in compare(runs[::-1])}
    assert rows["fc: with the mirror image - without"]["value"] == pytest.approx(1.0, rel=1e-3)
    for place, pixels in enumerate(MOVES):
        row = rows[f"gdconv - gap, moved by {pixels}"]
        expected = paired_difference(100 * of["gdconv"][:, place], 100 * of["gap"][:, place])
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert not any(name.startswith("gap - gap") for name in rows)
