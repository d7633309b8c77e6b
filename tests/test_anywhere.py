"""What differs between Linux, macOS and Windows, by kind: names of files, line ends, modules, how processes start.

Encodings are ruff's to check, and consoles have ``test_console.py``.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("course_lib", "tools", "data_scripts", "benchmarks", "notebooks")
ONLY_ON_UNIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}
MEASURES_ON_UNIX = {"benchmarks/piece_of_work.py"}  # a script of its own, which nothing imports
NOT_ON_WINDOWS = {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LONGEST = 120  # characters from the project's folder on; Windows allows 259 in all
STARTS_PROCESSES = {"Manager", "Pool", "Process", "ProcessPoolExecutor"}


def tracked(*command: str) -> list[str]:
    """What git says of the project's files, one a line."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the project is no clone")
    said = subprocess.check_output(["git", "-c", "core.quotePath=off", *command], cwd=ROOT, encoding="utf-8")
    return said.splitlines()


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Every Python file of the project but its tests."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def name_faults(names: Iterable[str]) -> Iterator[str]:
    """Names that not every file system can hold, or not beside each other."""
    names = sorted(names)
    folders = {"/".join(name.split("/")[:depth]) for name in names for depth in range(1, name.count("/") + 2)}
    for name, count in Counter(name.casefold() for name in folders).items():
        if count > 1:
            yield f"{name} is there {count} times but for upper and lower case"
    for name in names:
        parts = name.split("/")
        if not name.isascii() or any(letter in '<>:"\\|?*' or letter < " " for letter in name):
            yield f"{name!r} has a letter that is not for all systems"
        if any(part.split(".")[0].lower() in NOT_ON_WINDOWS or part[-1] in ". " for part in parts):
            yield f"{name!r} is no name on Windows"
        if len(name) > LONGEST:
            yield f"{name!r} is longer than {LONGEST}"


def test_every_file_system_can_hold_the_project():
    names = tracked("ls-files")
    assert len(names) > 500
    assert list(name_faults(names)) == []


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["docs/map.md", "docs/Map.md"], "2 times"),
        (["docs/map.md", "Docs/other.md"], "docs is there 2 times"),
        (["data/zoë.txt"], "not for all systems"),
        (["a/b:c"], "not for all systems"),
        (["tools/aux.py"], "no name on Windows"),
        (["tools/x."], "no name on Windows"),
        (["a" * 121], "longer than 120"),
    ],
)
def test_names_that_some_system_cannot_hold_are_found(names, fault):
    (found,) = name_faults(names)
    assert fault in found


def test_a_checkout_has_the_same_bytes_on_windows():
    """uv.lock is hashed, notebooks are compared, and a shell reads .ci/run."""
    checked = tracked("check-attr", "text", "eol", "--", "uv.lock", ".ci/run", "notebooks/00_start_here.ipynb")
    assert [line.rsplit(": ", 1)[1] for line in checked] == ["auto", "lf"] * 3
    wrong = [line for line in tracked("ls-files", "--eol") if line.split()[0] not in ("i/lf", "i/-text", "i/none")]
    assert wrong == []


def test_nothing_needs_a_module_of_unix_to_be_imported():
    """Inside a function is where Windows does without."""
    for path, tree in trees():
        found = set()
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {alias.name for alias in node.names} | {getattr(node, "module", None)}
        assert path in MEASURES_ON_UNIX or not found & ONLY_ON_UNIX, f"{path} imports {found & ONLY_ON_UNIX} at once"


def test_no_process_starts_by_the_systems_default():
    """Linux has forked by default until Python 3.14, macOS and Windows never: what starts processes says how."""
    for path, tree in trees():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            of, name = getattr(call.func, "value", None), getattr(call.func, "attr", getattr(call.func, "id", None))
            told = "mp_context" in {keyword.arg for keyword in call.keywords}
            default = name == "ProcessPoolExecutor" or getattr(of, "id", None) == "multiprocessing"
            assert not (name in STARTS_PROCESSES and default) or told, f"{path}:{call.lineno} starts processes"


def test_the_tests_can_be_run_as_if_on_another_system():
    code = "import conftest, multiprocessing; print(multiprocessing.get_start_method())"
    for method in multiprocessing.get_all_start_methods():
        settings = {**os.environ, "COURSE_START_METHOD": method}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=settings, capture_output=True, text=True)
        assert (done.stdout.strip(), done.returncode) == (method, 0), done.stderr
