"""Chunks of work in several processes, of which one may die without stopping the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_chunks(
    work: Callable[[list[Item]], list[Result]],
    chunks: Sequence[list[Item]],
    workers: int,
    *,
    set_up: Callable[..., None],
    arguments: tuple[Any, ...] = (),
) -> Iterator[tuple[list[Item], list[Result] | None]]:
    """Yield each chunk with what ``work`` made of it, as they are done.

    When a process dies, of memory or in a decoder written in C, the chunks that were under way are tried again item by
    item; an item that a process dies of comes with None.

    Args:
        work: a function of a module, called in the processes.
        set_up: called once in each process with ``arguments``.
    """
    broken: list[list[Item]] = []
    with _pool(workers, set_up, arguments) as pool:
        futures = {pool.submit(work, chunk): chunk for chunk in chunks}
        try:
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except BrokenProcessPool:
                    broken.append(futures[future])
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    yield from _one_at_a_time(work, [item for chunk in broken for item in chunk], set_up, arguments)


def _one_at_a_time(
    work: Callable[[list[Item]], list[Result]],
    items: list[Item],
    set_up: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Iterator[tuple[list[Item], list[Result] | None]]:
    """With one item under way, it is clear which one a process died of; the next gets a new process."""
    while items:
        item, items = items[0], items[1:]
        with _pool(1, set_up, arguments) as pool:
            try:
                while True:
                    yield [item], pool.submit(work, [item]).result()
                    if not items:
                        return
                    item, items = items[0], items[1:]
            except BrokenProcessPool:
                yield [item], None


def _pool(workers: int, set_up: Callable[..., None], arguments: tuple[Any, ...]) -> ProcessPoolExecutor:
    # Not forked: the parent has threads of PyTorch and OpenCV, whose locks a fork would copy as they are.
    fresh = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=fresh, initializer=set_up, initargs=arguments)
