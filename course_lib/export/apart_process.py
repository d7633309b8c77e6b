"""The process that runs a stranger's file for ``apart``: it opens the file, and embeds what it is sent.

It ends when its parent does: a thread notices that the pipe is closed. Where a runtime keeps all threads of Python
waiting, the system's alarm ends the process at the latest when its time is up.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from course_lib.export.apart import COUNTS
from course_lib.export.runtime import LOADERS
from course_lib.export.runtimes.frames import receive, send
from course_lib.export.runtimes.loaded import Loaded, running

LONGEST = 1000  # characters of an error
GRACE = 5  # seconds: the parent, which can say what happened, comes first
Question = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer until the pipe is closed. What C++ prints goes where it is lost, not among the answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the parent decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions: queue.SimpleQueue[Question] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, questions), daemon=True).start()
    send(answers, {"ready": True})
    wanted, _ = questions.get()
    limit_memory(wanted["bytes"])
    loaded: list[Loaded] = []
    _answer(answers, wanted, lambda: _open(wanted, loaded))
    while True:
        asked, content = questions.get()
        _answer(answers, wanted, lambda asked=asked, content=content: _run(loaded[0], wanted["path"], asked, content))


def limit_memory(n_bytes: int) -> None:
    """From now on this process may take so many bytes more than it has; and it leaves no image of them if it crashes.

    Windows has no such limit, and macOS does not keep to it.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + n_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _listen(pipe: BinaryIO, questions: queue.SimpleQueue[Question]) -> None:
    with suppress(EOFError, OSError, ValueError):
        while True:
            questions.put(receive(pipe, sys.maxsize))
    os._exit(1)


def _answer(answers: BinaryIO, wanted: dict[str, Any], work: Callable[[], Question]) -> None:
    """Do the work within the time, and send what came of it, an error too."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, wanted["seconds"] + GRACE)
    try:
        words, content = work()
    except Exception as error:
        kind = next((kind.__name__ for kind in (ValueError, ModuleNotFoundError) if isinstance(error, kind)), "")
        words, content = {"error": kind, "text": str(error)[:LONGEST]}, b""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    send(answers, words, content)


def _open(wanted: dict[str, Any], loaded: list[Loaded]) -> Question:
    path = Path(wanted["path"])
    opened = LOADERS[path.suffix.lower()](path, wanted["threads"])
    loaded.append(opened)
    counts = {name: getattr(opened, name) is not None for name in COUNTS}
    size = {"input_size": opened.input_size, "in_channels": opened.in_channels, "batch_size": opened.batch_size}
    return {**size, **counts}, b""


@torch.inference_mode()
def _run(opened: Loaded, path: str, asked: dict[str, Any], content: bytes) -> Question:
    with running(Path(path).name):
        if "count" in asked:
            return {"bytes": getattr(opened, asked["count"])()}, b""
        images = np.frombuffer(bytearray(content), np.float32).reshape(asked["shape"])
        embeddings = opened.forward(torch.from_numpy(images)).numpy()
        return {"shape": embeddings.shape}, np.ascontiguousarray(embeddings, np.float32).tobytes()
