"""Scored pairs to test with: random ones, small ones with many ties, and a thousand of those."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st


def random_pairs(seed: int, n: int = 400, separation: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    same = generator.random(n) < 0.5
    return generator.normal(size=n) + separation * same, same


@st.composite
def scored_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Small sets with many ties: scores are multiples of 1/4."""
    same = draw(st.lists(st.booleans(), min_size=2, max_size=30).filter(lambda pairs: any(pairs) and not all(pairs)))
    scores = draw(st.lists(st.integers(-8, 8), min_size=len(same), max_size=len(same)))
    return np.array(scores) / 4, np.array(same)


def tied_sets(n: int = 1000) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sets of 2 to 80 pairs, of few genuine or few impostors too, from all scores equal to hardly any."""
    generator = np.random.default_rng(0)
    for _ in range(n):
        size = generator.integers(2, 81)
        same = generator.random(size) < generator.choice([0.1, 0.5, 0.9])
        same[:2] = [True, False]
        levels = generator.choice([1, 3, 10, 1000])
        yield np.round(levels * (generator.random(size) + 0.3 * same)) / levels, same
