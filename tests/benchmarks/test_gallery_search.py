from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gallery_search import LOOP, OURS, THEIRS, agree, by_index, by_loop, by_scikit_learn, measure
from course_lib.gallery import Index, unit_length


def test_all_find_the_same_and_are_timed():
    figures = measure(people=300, embedding_size=64, faces=(1, 4), rounds=2)
    assert figures["seconds"]["1"].keys() == {OURS, THEIRS, LOOP} and figures["seconds"]["4"].keys() == {OURS, THEIRS}
    assert figures["file_bytes"] > 300 * 64 * 4
    assert [row["target"] for row in figures["comparisons"]] == [None] * 4 + [5.0, 10.0, 1.5]
    assert all(row["value"] > 0 for row in figures["comparisons"])


def test_who_finds_others_is_not_timed():
    templates = unit_length(np.random.default_rng(0).standard_normal((50, 8)))
    index = Index([f"person {number}" for number in range(50)], np.arange(50), templates)
    probes, owners = templates[[3, 30]], np.array([3, 30])
    contestants = {OURS: by_index(index), THEIRS: by_scikit_learn(templates), LOOP: by_loop(templates)}
    agree(contestants, probes, owners)
    with pytest.raises(ValueError, match="course_lib finds others"):
        agree(contestants, probes, owners[::-1])
    contestants[THEIRS] = by_scikit_learn(templates[::-1])
    with pytest.raises(ValueError, match="scikit-learn finds others than were enrolled"):
        agree(contestants, probes, owners)
