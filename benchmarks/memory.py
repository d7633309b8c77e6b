"""How much memory a piece of work holds at its peak, measured in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import psutil

INTERVAL = 0.002  # seconds between two looks


@dataclass(frozen=True)
class Peak:
    """Bytes of resident memory: of the whole process, and beyond what it held when the work began."""

    total: int
    beyond: int


def peak_memory(prepare: Callable[..., Callable[[], object]], *arguments: Any) -> Peak:
    """The peak during the work that ``prepare(*arguments)`` returns, both done in a fresh process.

    The memory is looked at every two milliseconds, so that the figure is the same on every system: what is held for
    less may be missed. ``prepare`` must be importable by its name.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_watched, prepare, *arguments).result()


def _watched(prepare: Callable[..., Callable[[], object]], *arguments: Any) -> Peak:
    work, process, done = prepare(*arguments), psutil.Process(), threading.Event()
    seen = [process.memory_info().rss]

    def watch() -> None:
        while not done.wait(INTERVAL):
            seen.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return Peak(max(seen), max(seen) - seen[0])
