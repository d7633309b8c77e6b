"""A pytest plugin: the fixture ``largest_difference``, and at the end a table of what it measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

MEASURED = pytest.StashKey[dict[str, float]]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is measured yet."""
    config.stash[MEASURED] = {}


@pytest.fixture
def largest_difference(request: pytest.FixtureRequest) -> Callable[[str, ArrayLike, ArrayLike], float]:
    """Call it with what is compared and two arrays of one shape: their largest difference, which is kept for the table.

    What has the same name more than once is one row.
    """
    measured = request.config.stash[MEASURED]

    def difference(name: str, ours: ArrayLike, theirs: ArrayLike) -> float:
        a, b = (np.asarray(values, dtype=float) for values in (ours, theirs))
        assert a.shape == b.shape, f"{name}: {a.shape} beside {b.shape}"
        found = float(np.abs(a - b).max(initial=0))
        measured[name] = max(found, measured.get(name, 0))
        return found

    return difference


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A row for each name."""
    terminalreporter.section("largest differences")
    for name, value in config.stash[MEASURED].items():
        terminalreporter.write_line(f"{value:10.2g}  {name}")
