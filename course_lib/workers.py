"""Work in several processes that end with this one; what kills a process or takes too long costs only itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any, Generic, TypeVar

from course_lib.interrupts import unheard

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[list[Item]], Iterator[tuple[int, Result]]]

# Not forked: this process has threads of PyTorch and OpenCV, whose locks a fork would copy as they are.
FRESH = multiprocessing.get_context("spawn")
READY, DONE, ERROR = "ready", "done", "error"


@dataclass(frozen=True)
class Lost:
    """What an item comes with that has no result, and why."""

    reason: str


def run_chunks(
    work: Work[Item, Result],
    chunks: Sequence[list[Item]],
    workers: int,
    *,
    set_up: Callable[..., None],
    arguments: tuple[Any, ...] = (),
    seconds: float | None = None,
) -> Iterator[tuple[Item, Result | Lost]]:
    """Yield each item with what ``work`` made of it, as they are done.

    A process may die, of memory or in a decoder written in C, or it may not end. Another takes its place, and what it
    left of its chunk is tried again item by item: an item alone that a process dies of, or that takes too long, comes
    with ``Lost``. The processes end when the iteration does, and when this process does, even if it is killed.

    Args:
        work: a function of a module, called in the processes; of a chunk it yields the number of each item and its
            result, in any order.
        set_up: called once in each process with ``arguments``.
        seconds: how long a process may take from one result to the next; None sets no limit.

    Raises:
        ChildProcessError: a process died while it was set up.
        Exception: whatever ``set_up`` or ``work`` raised.
    """
    waiting = deque(chunks)
    crew: list[_Worker[Item]] = []

    def hire() -> _Worker[Item]:
        return _Worker(work, set_up, arguments)

    try:
        crew += [hire() for _ in range(min(workers, len(chunks)))]
        while waiting or any(worker.left for worker in crew):
            for worker in crew:
                if waiting and worker.ready and not worker.left:
                    worker.take(waiting.popleft())
            reporting = wait([worker.ours for worker in crew], _patience(crew, seconds))
            for place, worker in enumerate(crew):
                reason = None
                if worker.ours in reporting:
                    try:
                        yield from worker.results()
                    except (EOFError, ConnectionError):
                        reason = "the process working on it died"
                elif worker.left and seconds is not None and monotonic() - worker.since > seconds:
                    reason = f"it took longer than {seconds:g} seconds"
                if reason is None:
                    continue
                worker.end()
                if len(worker.left) == 1:
                    yield from ((item, Lost(reason)) for item in worker.left.values())
                else:
                    waiting.extendleft([item] for item in worker.left.values())
                crew[place] = hire()
    finally:
        for worker in crew:
            worker.end()


def _patience(crew: list[_Worker[Any]], seconds: float | None) -> float | None:
    """How long to wait for a report until the first worker has taken too long."""
    since = [worker.since for worker in crew if worker.left]
    return None if seconds is None or not since else max(0.0, min(since) + seconds - monotonic()) + 0.01


class _Worker(Generic[Item]):
    """A process, this end of the pipe to it, and what it has yet to do."""

    def __init__(self, work: Work[Item, Any], set_up: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.ours, theirs = FRESH.Pipe()
        self.process = FRESH.Process(target=_serve, args=(theirs, work, set_up, arguments), daemon=True)
        with unheard():
            self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.ready = False
        self.left: dict[int, Item] = {}
        self.since = monotonic()

    def take(self, chunk: list[Item]) -> None:
        self.left = dict(enumerate(chunk))
        self.since = monotonic()
        self.ours.send(chunk)

    def results(self) -> Iterator[tuple[Item, Any]]:
        """What the process has reported since; raises its errors."""
        while self.ours.poll():
            try:
                kind, number, value = self.ours.recv()
            except EOFError:
                if self.ready:
                    raise
                self.process.join()
                raise ChildProcessError(
                    f"a process ended with exit code {self.process.exitcode} before it began to work. Ask for fewer"
                    " workers if memory is short; and a program that is a file needs `if __name__ == '__main__':`"
                ) from None
            if kind == ERROR:
                raise value
            self.ready, self.since = True, monotonic()
            if kind == DONE:
                yield self.left.pop(number), value

    def end(self) -> None:
        self.process.kill()
        self.process.join(5)
        self.ours.close()


def _serve(theirs: Connection, work: Work[Any, Any], set_up: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """A process: take chunks and report, until the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        set_up(*arguments)
        theirs.send((READY, 0, None))
        while True:
            for number, result in work(theirs.recv()):
                theirs.send((DONE, number, result))
    except (EOFError, ConnectionError):
        return
    except Exception as error:
        theirs.send((ERROR, 0, error))


def _end_with_parent() -> None:
    """End this process at once when the one that started it is gone, however that came about.

    The sentinel is a pipe (Linux, macOS) or a handle of that process (Windows); the system closes it in any case.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
