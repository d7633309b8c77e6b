from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from course_lib.workers import Lost, run_chunks

_told: list[str] = []


def remember(word: str) -> None:
    if word == "bad weights":
        raise ValueError(word)
    if word == "out of memory":
        os._exit(9)
    _told.append(word)


def double(chunk):
    """Of each number its double, last one first; some numbers are trouble."""
    for place in reversed(range(len(chunk))):
        item = chunk[place]
        if item == 13:
            os._exit(1)
        if item == 99:
            time.sleep(600)
        if item == 28:
            raise OSError(errno.ENOSPC, "no space")
        yield place, f"{_told[0]} {2 * item}"


def numbers(*chunks, workers=2, word="two times", **options):
    return dict(run_chunks(double, list(chunks), workers, set_up=remember, arguments=(word,), **options))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_each_item_comes_with_its_result(workers):
    found = numbers([1, 2, 3], [4], [5, 6], workers=workers)
    assert found == {item: f"two times {2 * item}" for item in range(1, 7)}
    assert numbers() == {}


@pytest.mark.slow
def test_what_kills_a_process_or_takes_too_long_costs_only_itself():
    found = numbers([1, 13, 2], [3, 99, 4, 5], [6], [13 + 1], workers=2, seconds=1.5)
    assert found.pop(13) == Lost("the process working on it died")
    assert found.pop(99) == Lost("it took longer than 1.5 seconds")
    assert found == {item: f"two times {2 * item}" for item in (1, 2, 3, 4, 5, 6, 14)}


@pytest.mark.slow
def test_an_error_ends_the_work_and_the_processes():
    before = set(psutil.Process().children())
    with pytest.raises(OSError, match="no space"):
        numbers([1, 28], [2, 3])
    with pytest.raises(ValueError, match="bad weights"):
        numbers([1], word="bad weights")
    with pytest.raises(ChildProcessError, match="exit code 9 before it began"):
        numbers([1], word="out of memory")
    assert {child for child in psutil.Process().children() if "spawn_main" in str(child.cmdline())} <= before


PROGRAM = """
from test_workers import double, remember
from course_lib.workers import run_chunks
if __name__ == "__main__":
    for item, _ in run_chunks(double, [[1], [2], [99], [99]], 2, set_up=remember, arguments=("two times",)):
        print(item, flush=True)
"""


# Its processes never come to their work: they import for a minute, and say so once each.
IMPORTING = f"""
import os, time
if __name__ == "__mp_main__":
    os.write(1, b"importing\\n")
    time.sleep(60)
{PROGRAM}"""


def started(folder, source=PROGRAM, **options) -> tuple[subprocess.Popen, list[psutil.Process]]:
    """A program with two processes that work on what never ends, and those processes."""
    (folder / "program.py").write_text(source)
    path = os.pathsep.join([os.path.dirname(__file__), os.getcwd()])
    program = subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    said = [program.stdout.readline().strip() for _ in range(2)]
    assert sorted(said) == (["1", "2"] if source is PROGRAM else ["importing"] * 2)
    below = psutil.Process(program.pid).children(recursive=True)
    assert sum("spawn_main" in str(process.cmdline()) for process in below) == 2
    return program, below


@pytest.mark.slow
@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_the_processes_end_with_the_one_that_started_them(tmp_path, end):
    program, below = started(tmp_path)
    getattr(program, end)()
    program.communicate()
    assert psutil.wait_procs(below, timeout=30)[1] == []


@pytest.mark.skipif(os.name != "posix", reason="a signal to a group of processes is POSIX")
@pytest.mark.slow
@pytest.mark.parametrize("source", [PROGRAM, IMPORTING], ids=["working", "importing"])
def test_ctrl_c_is_said_once(tmp_path, source):
    program, below = started(tmp_path, source, start_new_session=True)
    os.killpg(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert said.count("KeyboardInterrupt") == 1
    assert psutil.wait_procs(below, timeout=30)[1] == []
