from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.memory import peak_memory

MEGABYTE = 1 << 20


def allocate(before: int, during: int) -> Callable[[], None]:
    held = np.ones(before * MEGABYTE, dtype=np.uint8)

    def work() -> None:
        taken = np.ones(during * MEGABYTE, dtype=np.uint8)
        time.sleep(0.02)
        assert taken[0] == held[0]

    return work


def fail() -> Callable[[], None]:
    return lambda: (_ for _ in ()).throw(ArithmeticError(f"in process {os.getpid()}"))


def test_the_peak_counts_what_the_work_takes_and_not_what_was_there():
    peak = peak_memory(allocate, 50, 80)
    assert peak.beyond / MEGABYTE == pytest.approx(80, abs=10)
    assert peak.total / MEGABYTE > 130


def test_what_this_process_holds_does_not_count():
    held = np.ones(300 * MEGABYTE, dtype=np.uint8)
    assert peak_memory(allocate, 1, 1).total < len(held)


def test_an_error_of_the_work_is_raised_here():
    with pytest.raises(ArithmeticError, match="in process"):
        peak_memory(fail)
