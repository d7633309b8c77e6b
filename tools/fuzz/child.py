"""A process that reads one case after the other under limits, and is started again when one was too much for it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import psutil

from course_lib.interrupts import unheard

MEMORY = 2**28  # bytes that one case may take
THREADS = 2**30  # bytes of addresses on top: a thread reserves what it never uses
SECONDS = 10.0  # for one case
LONGEST_MESSAGE = 2000  # characters
SETTING_UP = 300.0  # seconds, on a busy machine: libraries are imported
# A file may ask for as much as these allow; with less for each, more cases are tried in the same time.
LIMITS = {"COURSE_MAX_PIXELS": "4000000", "COURSE_DECODING_BYTES": "100000000", "COURSE_MAX_BIN_BYTES": "16000000"}
CANARY = "COURSE_FUZZ_CANARY"  # an environment variable that the code in malicious files sets
READ, REFUSED = "read", "refused"


@dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        read: the function of a module that reads a file, or whatever ``place`` has put there.
        seeds: makes valid files.
        file: the name that a case gets.
        make: a case from the seeds, by a random generator.
        documented: the exceptions that ``read`` may end with.
    """

    read: Callable[[Path], Any]
    seeds: Callable[[], Sequence[bytes]]
    file: str
    make: Callable[[Random, Sequence[bytes]], bytes]
    documented: tuple[type[Exception], ...] = (ValueError,)


@dataclass(frozen=True)
class Ending:
    """How a case ended: ``READ``, ``REFUSED`` or a fault; why; and how much memory and time it took."""

    kind: str
    reason: str = ""
    memory: int = 0
    seconds: float = 0.0

    @property
    def is_fault(self) -> bool:
        """Whether the reader did what none may do."""
        return self.kind not in (READ, REFUSED)


class Child:
    """The process for a reader and its folder, as a context."""

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self.started = 0
        self._process: Any = None
        self._known: list[Reader] = []  # what this process has read a valid file of

    def __enter__(self) -> Child:
        # In a folder of its own, so that what is written beside the case's folder is seen.
        self._around = Path(tempfile.mkdtemp(prefix="fuzz-")).resolve()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        shutil.rmtree(os.fsencode(self._around), ignore_errors=True)  # as bytes: names may be no text

    def run(self, reader: Reader, case: bytes) -> Ending:
        """Let the reader read a case; raises ``RuntimeError`` where it cannot even read a valid file."""
        if reader not in self._known:
            self._prepare(reader)
        ending = self._ask(reader, case, self.seconds, self.memory)
        beside = [entry for entry in os.listdir(self._around) if entry != "case"]
        if beside and not ending.is_fault:
            ending = Ending("wrote outside its folder", ", ".join(map(ascii, beside)))
            self._end()
        for name in beside:  # a fault of this case, and of no other
            entry = os.path.join(os.fsencode(self._around), os.fsencode(name))
            shutil.rmtree(entry) if os.path.isdir(entry) else os.remove(entry)
        return ending

    def _prepare(self, reader: Reader) -> None:
        """Imports, and what is made once, are not the case's: a valid file is read first, without a limit."""
        if self._process is None:
            self._start()
        first = self._ask(reader, reader.seeds()[0], SETTING_UP, None)
        if first.is_fault:
            raise RuntimeError(f"a valid file is not read: {first.kind}: {first.reason}")
        self._known.append(reader)

    def _start(self) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._ours, theirs = fresh.Pipe()
        self._process = fresh.Process(target=_serve, args=(theirs,), daemon=True)
        with unheard():
            self._process.start()
        theirs.close()
        self.started += 1

    def _ask(self, reader: Reader, case: bytes, seconds: float, memory: int | None) -> Ending:
        folder = self._around / "case"
        shutil.rmtree(os.fsencode(folder), ignore_errors=True)
        folder.mkdir()
        began = monotonic()
        try:
            self._ours.send((reader.read, reader.documented, str(folder / reader.file), case, memory))
            if not self._ours.poll(seconds):
                ending = Ending("over time", f"more than {seconds:g} s")
            else:
                ending = Ending(*self._ours.recv(), seconds=monotonic() - began)
        except (EOFError, ConnectionError):
            self._process.join(SECONDS)
            ending = Ending("died", f"exit code {self._process.exitcode}")
        if ending.is_fault:
            self._end()
        return ending

    def _end(self) -> None:
        if self._process is not None:
            self._ours.close()  # which ends it, unless a case goes on
            self._process.join(1)
            self._process.kill()
            self._process.join()
        self._process, self._known = None, []


# Inside the process

STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
)
ASKS = ("socket.connect", "socket.getaddrinfo", "webbrowser.open", "pickle.find_class", "os.putenv", "os.unsetenv")
CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Sees what Python does while a case is read: programs started, functions unpickled, files changed elsewhere."""

    def __init__(self) -> None:
        self.folder: str | None = None  # None: nothing is watched
        self.seen: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in STARTS or event in ASKS:
            self.seen.append(f"{event} {arguments!r:.200}")
        elif event in CHANGES:
            self._check(event, arguments[:2] if event in ("os.rename", "os.link", "os.symlink") else arguments[:1])
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self._check("open for writing", arguments[:1])

    def _check(self, event: str, paths: Sequence[Any]) -> None:
        for path in paths:
            if isinstance(path, (str, bytes, os.PathLike)):
                full = os.path.realpath(os.fsdecode(path))
                if full != os.devnull and not full.startswith(f"{self.folder}{os.sep}") and full != self.folder:
                    self.seen.append(f"{event} {full!r:.200}")


def _serve(theirs: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    os.environ.update(LIMITS, TQDM_DISABLE="1", OMP_NUM_THREADS="1")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    watch = Watch()
    while True:
        try:
            read, documented, file, case, memory = theirs.recv()
        except EOFError:
            return
        os.chdir(os.path.dirname(file))
        theirs.send(_read(watch, read, documented, Path(file), case, memory))


def _read(
    watch: Watch,
    read: Callable[[Path], Any],
    documented: tuple[type[Exception], ...],
    file: Path,
    case: bytes,
    memory: int | None,
) -> tuple[str, str, int]:
    """The kind of the ending, the reason, and the bytes that were taken on top of what the process had."""
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as opened:
        opened.write(case)
    _limit(memory)
    before = _peak(afresh=True)
    watch.folder = str(file.parent) if memory is not None else None
    ended: BaseException | None = None
    try:
        read(file)
    except BaseException as error:
        ended = error
    watch.folder = None
    _limit(None)
    taken = max(0, _peak() - before)
    reason = "" if ended is None else f"{type(ended).__name__}: {ended}"
    if watch.seen or os.environ.get(CANARY):
        kind, reason = "did more than read", "; ".join(watch.seen) or "code of the file has run"
    elif _lacked_memory(ended):
        kind = "out of memory"
    elif memory is not None and taken > memory:
        kind, reason = "out of memory", f"{taken:,} bytes"
    elif ended is None:
        kind = READ
    else:
        kind = _refusal(ended, documented, str(file.parent))
    return kind, reason.encode("utf-8", "backslashreplace").decode()[:500], taken


def _refusal(error: BaseException, documented: tuple[type[Exception], ...], folder: str) -> str:
    """The kind of an ending by an exception; a message names the file, and does not quote at length."""
    # A UnicodeError is a ValueError, but in words of Python's and not of the reader's.
    if not isinstance(error, documented) or isinstance(error, UnicodeError):
        return "undocumented"
    if folder not in str(error):
        return "refused without its name"
    return REFUSED if len(str(error)) <= LONGEST_MESSAGE else "refused at length"


def _lacked_memory(error: BaseException | None) -> bool:
    """Also where a reader caught it, and told of a damaged file."""
    while error is not None:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _limit(memory: int | None) -> None:
    """Of addresses; where the system has no such limit, the peak is measured all the same."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = hard if memory is None else psutil.Process().memory_info().vms + memory + THREADS
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _peak(*, afresh: bool = False) -> int:
    """The most bytes that this process has had; ``afresh``, on Linux: from now on."""
    if sys.platform == "linux":
        if afresh:
            Path("/proc/self/clear_refs").write_bytes(b"5")
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    taken = psutil.Process().memory_info()
    if hasattr(taken, "peak_wset"):
        return int(taken.peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
