from __future__ import annotations

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.alignment.memory_budget import MemoryBudget


@settings(max_examples=20)
@given(st.lists(st.integers(0, 150), min_size=1, max_size=12))
def test_no_more_is_lent_than_there_is_except_to_one_alone(wanted: list[int]) -> None:
    budget, lock = MemoryBudget(), threading.Lock()
    now: list[int] = []
    seen: list[list[int]] = []

    def work(amount: int) -> None:
        with budget.lend(amount, 100):
            with lock:
                now.append(amount)
                seen.append(list(now))
            time.sleep(0.001)
            with lock:
                now.remove(amount)

    threads = [threading.Thread(target=work, args=(amount,)) for amount in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(seen) == len(wanted), "all have come to an end"
    assert all(sum(together) <= 100 or len([one for one in together if one]) == 1 for together in seen)


def test_what_was_lent_comes_back_after_an_error() -> None:
    budget = MemoryBudget()
    for _ in range(3):
        try:
            with budget.lend(100, 100):
                raise KeyError
        except KeyError:
            pass
