from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import machine
from tools import bootstrap


def environment(**settings: str) -> dict[str, str]:
    """This process' own, without what it may have been given or set itself."""
    theirs = {name: value for name, value in os.environ.items() if name not in (*machine.SETTINGS, "OMP_NUM_THREADS")}
    return {**theirs, **settings}


def told(code: str, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(**settings), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_first_import_sets_what_the_user_has_not() -> None:
    code = "import course_lib, os; print(os.environ['OMP_WAIT_POLICY'], os.environ['THP_MEM_ALLOC_ENABLE'])"
    assert told(code) == "PASSIVE 1"
    assert told(code, OMP_WAIT_POLICY="ACTIVE", THP_MEM_ALLOC_ENABLE="0") == "ACTIVE 0"


@pytest.mark.parametrize(
    ("name", "other"), [("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"), ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")]
)
def test_who_chose_how_threads_wait_has_chosen_all_of_it(
    name: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.unset({name: "1"}) == {"THP_MEM_ALLOC_ENABLE": "1"} and machine.unset({}) == machine.SETTINGS
    monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "1")
    assert bootstrap.settings()[name] == "1" and other not in bootstrap.settings()


def test_every_command_of_the_project_starts_python_with_the_same_settings() -> None:
    assert machine.SETTINGS.items() <= bootstrap.SHARED.items()
    assert bootstrap.settings().keys() >= bootstrap.shared().keys()


def limits(folder: Path, **contents: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("__", ".")).write_text(content)


@pytest.mark.parametrize(
    ("groups", "folder", "contents", "quota"),
    [
        ("0::/\n", "", {"cpu__max": "150000 100000\n"}, 1.5),
        ("0::/\n", "", {"cpu__max": "max 100000\n"}, None),
        ("0::/user.slice/hub\n", "user.slice", {"cpu__max": "400000 100000\n"}, 4.0),  # of the group above
        ("0::/kubepods/x\n", "", {"cpu__max": "200000 100000\n"}, 2.0),  # seen from inside, at the top
        ("3:memory:/\n1:cpu:/docker/a\n", "cpu", {"cpu__cfs_quota_us": "50000", "cpu__cfs_period_us": "100000"}, 0.5),
        ("4:cpu,cpuacct:/\n", "cpu,cpuacct", {"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"}, None),
        ("0::/\n", "", {"cpu__max": "nonsense"}, None),
        ("3:memory:/\n", "memory", {"cpu__max": "100000 100000"}, None),
    ],
)
def test_a_containers_quota(
    groups: str, folder: str, contents: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    limits(tmp_path / "cgroup" / folder, **contents)
    (tmp_path / "own").write_text(groups)
    assert machine.container_quota(tmp_path / "cgroup", tmp_path / "own") == quota


def test_the_least_of_several_limits_counts(tmp_path: Path) -> None:
    limits(tmp_path / "cgroup", cpu__max="300000 100000")
    limits(tmp_path / "cgroup/hub/ada", cpu__max="max 100000")
    limits(tmp_path / "cgroup/hub", cpu__max="80000 100000")
    (tmp_path / "own").write_text("0::/hub/ada\n")
    assert machine.container_quota(tmp_path / "cgroup", tmp_path / "own") == 0.8


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert machine.container_quota(tmp_path, tmp_path / "own") is None


@pytest.mark.parametrize(("quota", "expected"), [(None, 4), (1.5, 2), (0.3, 1), (9.0, 4)])
def test_cores_are_those_allowed_or_the_quota_rounded_up(
    quota: float | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_affinity", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(machine, "container_quota", lambda: quota)
    assert machine.cores() == expected


@pytest.mark.parametrize("chosen", [False, True])
def test_a_quota_bounds_the_threads_of_a_torch_that_is_loaded(chosen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    monkeypatch.setattr(machine, "_affinity", lambda: set(range(64)))
    monkeypatch.setattr(machine, "container_quota", lambda: 1.0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
    torch.set_num_threads(2)
    try:
        machine.settle()
        assert torch.get_num_threads() == (2 if chosen else 1)
        assert os.environ["OMP_NUM_THREADS"] == ("3" if chosen else "1")
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(machine._trim is None, reason="only glibc keeps freed memory and can be told not to")
def test_freed_memory_goes_back_to_the_system() -> None:
    code = """
from pathlib import Path
import numpy as np
from course_lib import machine

def resident():
    return 4 * int(Path("/proc/self/statm").read_text().split()[1])  # kB, in pages of 4

kept = []
for _ in range(2000):  # 100 kB, and behind each something small that stays in use
    kept.append((np.ones(12_500), np.ones(200)))
full = resident()
kept = [small for _, small in kept]
before = resident()
machine.release_freed_memory()
print(full - before, full - resident())
"""
    by_itself, told_to = map(int, told(code).split())
    assert by_itself < 50_000 and told_to > 150_000  # of 200 MB


def test_a_notebook_gives_freed_memory_back_after_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    released = []
    monkeypatch.setattr(machine, "release_freed_memory", lambda _=None: released.append(1))
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    machine.release_after_cells()
    machine.release_after_cells()
    shell.run_cell("x = 1")
    shell.run_cell("1 / 0")
    assert len(released) == 2


def test_outside_a_notebook_nothing_is_registered() -> None:
    assert told("import course_lib, sys; print('IPython' in sys.modules)") == "False"
