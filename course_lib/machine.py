"""How a Python process of the course shares its machine. Standard library only, and read before PyTorch is loaded."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# What PyTorch's libraries read from the environment when they are loaded, or first asked for memory.
SETTINGS = {
    # Threads of GNU's OpenMP wait for each other by spinning. Where a core is taken by something else, such as the
    # browser that shows the notebook, a training step then takes many times as long: PASSIVE lets them sleep. To wake
    # a thread costs more than most operations of a small network take, so they first look this often: two threads on
    # two idle cores train one in 5.4 s, where spinning takes 2.9 and sleeping at once 8.8; beside a busy program in
    # 7.6, where spinning did not end in 40.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    # Large tensors in pages of 2 MB where the system has them (Linux): each one is mapped anew, and page by page of
    # 4 kB that takes the kernel a third of the time of a step.
    "THP_MEM_ALLOC_ENABLE": "1",
}
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None  # musl has none
STARTED_WITH = os.environ.get("OMP_WAIT_POLICY", "").upper()
CGROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def settle() -> None:
    """Set what the user has not set: threads that sleep while they wait, large pages, and no more threads than cores.

    It is called when ``course_lib`` is first imported. OpenMP reads its settings when PyTorch is imported: where that
    came before, they do not reach it, except for the number of threads.
    """
    os.environ.update(unset(os.environ))
    allowed = cores()
    if "OMP_NUM_THREADS" in os.environ or allowed >= len(_affinity()):
        return
    os.environ["OMP_NUM_THREADS"] = str(allowed)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.set_num_threads(min(allowed, torch.get_num_threads()))


def unset(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that a user has left open; who chose how threads wait has chosen both settings of that."""
    waiting = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    chosen = set(environment) | (waiting if waiting & set(environment) else set())
    return {name: value for name, value in SETTINGS.items() if name not in chosen}


def release_freed_memory(_: object = None) -> None:
    """Give memory that Python and PyTorch have freed back to the system; only glibc (Linux) has to be told to.

    It keeps what it gets back, in pieces between what is still in use: three trainings one after the other then hold
    1.6 GB where one needs 0.7. It takes some milliseconds. The argument is what IPython gives to a callback.
    """
    if _trim is not None:
        _trim(0)


def release_after_cells() -> None:
    """In a notebook, give freed memory back after every cell, those with a learner's own loops too."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.events.register("post_run_cell", release_freed_memory)  # once, however often it is called


def waits_asleep() -> bool:
    """Whether this process was started with a setting that lets waiting threads sleep, or has no threads that spin.

    GNU's OpenMP, which PyTorch has on Linux, is the one that spins for long. LLVM's and Intel's, on macOS and Windows,
    read the same setting, and without it put their threads to sleep after 0.2 seconds (KMP_BLOCKTIME).
    """
    return sys.platform != "linux" or STARTED_WITH == "PASSIVE"


def cores() -> int:
    """How many cores this process may use: those it may run on, or fewer where a container's CPU quota is less."""
    quota = container_quota()
    usable = len(_affinity())
    return usable if quota is None else max(1, min(usable, math.ceil(quota)))


def container_quota(root: Path = CGROUPS, groups: Path = OWN_GROUPS) -> float | None:
    """The CPU time that a container may use, in cores: the least limit of its Linux control groups, of either version.

    None where there is no limit, or no control groups.
    """
    quotas = [_quota(folder) for folder in _control_groups(root, groups)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _control_groups(root: Path, groups: Path) -> Iterator[Path]:
    """The folders that may limit this process: its own groups, and those above. Not all need to be visible here."""
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)  # "0::/user.slice", or of the first version "3:cpu,cpuacct:/docker"
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / controllers
        yield from (top / parent for parent in (Path(path.lstrip("/")), *Path(path.lstrip("/")).parents))


def _quota(folder: Path) -> float | None:
    """One folder's limit in cores, if it has one."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()  # "max 100000" without a limit
        else:
            files = (folder / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
            quota, period = (file.read_text(encoding="ascii") for file in files)  # -1 without a limit
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
