"""Readers with one fault each. A process that imports them is up in a moment: PyTorch is not among what they need."""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

from tools.fuzz.child import READ, REFUSED
from tools.fuzz.malice import Malice


def reads(file: Path) -> None:
    if file.read_bytes() != b"valid":
        raise ValueError(f"{file} is refused")


def _only(file: Path) -> bool:
    return file.read_bytes() == b"valid"


def hangs(file: Path) -> None:
    time.sleep(0 if _only(file) else 600)


def fills_memory(file: Path) -> None:
    bytearray(b"x") * (1 if _only(file) else 2**29)


def asks_for_all_memory(file: Path) -> None:
    try:
        bytearray(1 if _only(file) else 2**50)
    except MemoryError as error:
        raise ValueError("damaged") from error


def crashes(file: Path) -> None:
    if not _only(file):
        ctypes.string_at(0)


def exits(file: Path) -> None:
    if not _only(file):
        sys.exit(0)


def ends_the_process(file: Path) -> None:
    if not _only(file):
        os._exit(0)


def fails(file: Path) -> None:
    if not _only(file):
        raise KeyError("undocumented")


def names_no_file(file: Path) -> None:
    if not _only(file):
        raise ValueError("refused")


def quotes_all(file: Path) -> None:
    if not _only(file):
        raise ValueError(f"{file} is refused: {'x' * 2000}")


def unpickles(file: Path) -> None:
    if not _only(file):
        pickle.loads(pickle.dumps(Malice(exec)))


def runs_code(file: Path) -> None:
    if not _only(file):
        Malice(exec).__reduce__()[0](Malice(exec).__reduce__()[1][0])


def starts_a_program(file: Path) -> None:
    if not _only(file):
        subprocess.run([sys.executable, "--version"])


def writes_beside(file: Path) -> None:
    if not _only(file):
        (file.parent.parent / "written").write_text("")


def writes_in_its_folder(file: Path) -> None:
    (file.parent / "written").write_text("")


FAULTS = {
    hangs: "over time",
    fills_memory: "out of memory",
    asks_for_all_memory: "out of memory",
    crashes: "died",
    exits: "undocumented",
    ends_the_process: "died",
    fails: "undocumented",
    names_no_file: "refused without its name",
    quotes_all: "refused at length",
    unpickles: "did more than read",
    runs_code: "did more than read",
    starts_a_program: "did more than read",
    writes_beside: "did more than read",
    reads: REFUSED,
    writes_in_its_folder: READ,
}
