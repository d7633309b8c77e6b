"""A model's file, a program, in a process of its own: what never ends, takes all memory or crashes ends only that.

The process has limits on time and, on Linux, on memory (``MODEL_SECONDS`` and ``MODEL_BYTES`` of ``limits``), and of
this one's environment no more than it needs to start: no keys, no tokens. It is no jail: a file that makes use of a
fault in its runtime can do there what you can do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.console import shown
from course_lib.export.runtimes.frames import receive, send
from course_lib.export.runtimes.loaded import Loaded, RunError
from course_lib.interrupts import unheard
from course_lib.limits import MAX_FACE_SIDE, MODEL_BYTES, MODEL_SECONDS

# Without these a process does not start, or finds other libraries; or it has other numbers of threads.
KEPT = (
    *("PATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG"),
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"),
)
# The first place to look for modules is the folder that Python was started in: a stranger's, perhaps.
PROGRAM = "import sys; del sys.path[0]; from course_lib.export.apart_process import main; main()"
STARTING = 300.0  # seconds for Python and PyTorch, before the file is looked at
LONGEST_ROW = 1 << 20  # bytes of an embedding
COUNTS = ("peak_activation_bytes", "arena_bytes")
ERRORS = {"ValueError": ValueError, "ModuleNotFoundError": ModuleNotFoundError}


def load(path: Path, threads: int) -> Loaded:
    """Open the file in a process of its own, and embed there; the numbers are those of this process, to the bit.

    The process ends with what is returned, and with this process. One that failed is replaced at the next call.

    Raises:
        ModuleNotFoundError: what runs the file is not installed.
        ValueError: the file is damaged, takes something else than faces, or gives something else than embeddings.
        RunError: it took too much time or memory to open, or ended the process.
    """
    process = _Process(path.absolute(), threads)
    process.start()
    return process.loaded()


class _Process:
    """The process, this end of its pipes, and the file that it runs."""

    def __init__(self, path: Path, threads: int) -> None:
        self.limits = {"seconds": MODEL_SECONDS.value, "bytes": MODEL_BYTES.value}
        self.path = path
        self.wanted = {"path": str(path), "threads": threads, **self.limits}
        self.told: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and let it open the file."""
        with unheard():
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=small_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        self._end = weakref.finalize(self, _end, self._process)
        try:
            self._say(None, b"", 0, STARTING)
            self.told, _ = self._say(self.wanted, b"", 0, self.limits["seconds"])
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process = None
        self._end()

    def ask(self, words: dict[str, Any], content: bytes | memoryview = b"", at_most: int = 0) -> Any:
        """What the process answers. After an error, or Ctrl-C, it may be anywhere: it is ended."""
        with self._lock:
            if self._process is None:
                self.start()
            try:
                return self._say(words, content, at_most, self.limits["seconds"])
            except BaseException:
                self.end()
                raise

    def loaded(self) -> Loaded:
        """What a runtime gives, checked again: the file had its part in it."""
        told, batch_size = self.told, self.told.get("batch_size")
        size, channels = told.get("input_size"), told.get("in_channels")
        sides = range(1, MAX_FACE_SIDE.value + 1)
        fits = isinstance(size, list) and len(size) == 2 and all(side in sides for side in size) and channels in (1, 3)
        if not fits or not (batch_size is None or (isinstance(batch_size, int) and batch_size > 0)):
            self.end()
            raise RunError(f"{self.path}: its process takes {shown(str(told)[:200])}, which are no faces")
        counts = {name: partial(self._count, name) for name in COUNTS if told.get(name) is True}
        return Loaded(self._forward, (size[0], size[1]), channels, batch_size, **counts)

    def _forward(self, images: Tensor) -> Tensor:
        pixels = np.ascontiguousarray(images.numpy(), np.float32)
        words = {"shape": pixels.shape}
        told, content = self.ask(words, memoryview(pixels).cast("B"), LONGEST_ROW * len(pixels))
        shape = told.get("shape")
        n, width = len(pixels), len(content) // 4 // len(pixels)
        if shape != [n, width] or not width or 4 * n * width != len(content):
            raise ValueError(f"{self.path} gives {shown(str(shape)[:80])} for {n} faces; expected one row a face")
        return torch.from_numpy(np.frombuffer(bytearray(content), np.float32).reshape(n, width))

    def _count(self, name: str) -> int | None:
        found = self.ask({"count": name})[0].get("bytes")
        return found if isinstance(found, int) else None

    def _say(self, words: dict[str, Any] | None, content: bytes | memoryview, at_most: int, seconds: float) -> Any:
        """Send the words and wait for the answer; the process is killed when the time is up, which ends the waiting."""
        process, late = self._process, threading.Event()
        assert process is not None and process.stdin is not None and process.stdout is not None
        timer = threading.Timer(seconds, lambda: (late.set(), process.kill()))
        timer.daemon = True
        timer.start()
        try:
            if words is not None:
                send(process.stdin, words, content)
            told, answer = receive(process.stdout, at_most)
        except (EOFError, OSError):
            raise RunError(self._what_happened(process, late.is_set(), seconds)) from None
        except ValueError as error:
            raise RunError(f"{self.path}: what its process says is no answer ({error})") from error
        finally:
            timer.cancel()
        if "error" in told:
            raise ERRORS.get(told["error"], RunError)(shown(str(told.get("text"))))
        return told, answer

    def _what_happened(self, process: subprocess.Popen[bytes], late: bool, seconds: float) -> str:
        code = process.wait()
        if late:
            why = f"it took longer than {seconds:g} seconds"
        elif code < 0:
            why = f"its process was ended by signal {signal.Signals(-code).name}"
        else:
            why = f"its process ended with exit code {code}"
        return (
            f"{self.path} was stopped: {why}. A file that is not trusted may take {self.limits['seconds']:,} seconds at"
            f" a time and {self.limits['bytes']:,} bytes; {MODEL_SECONDS.variable} and {MODEL_BYTES.variable} raise it"
        )


def small_environment() -> dict[str, str]:
    """What a process needs to start, and to find the modules that this one finds."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    # Each thread that asks for memory would reserve 64 MB of its own, used or not.
    return kept | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "MALLOC_ARENA_MAX": "2"}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        try:
            pipe.close()  # type: ignore[union-attr]
        except OSError:  # what was not read by the process is of no use any more
            pass
