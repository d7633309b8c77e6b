"""How much an installation downloads, from the sizes in uv.lock. Standard library only, any Python from 3.8."""

from __future__ import annotations

import platform
import re
import sys

CPU_TORCH = 200e6  # bytes; PyTorch's index does not say
WHEEL = r'/([^/"-]+)-([^/"-]+)-([^/"]+)\.whl", hash = "[^"]+", size = (\d+)'


def megabytes(planned: str, lock: str, python: tuple[int, int]) -> float:
    """The size in 1e6 bytes of what a dry run of uv or pip, with its words as given, would install.

    Args:
        lock: the text of uv.lock.
        python: the version of the environment's interpreter.
    """
    wheels = {(plain(w[0]), w[1]): int(w[3]) for w in re.findall(WHEEL, lock) if suits(w[2], python)}
    uvs = re.findall(r"^ \+ (\S+?)==(\S+)", planned, re.MULTILINE)
    pips = re.findall(r"(\S+)-(\d\S*)", " ".join(re.findall(r"^Would install (.+)", planned, re.MULTILINE)))
    cpu = [CPU_TORCH for name, version in uvs + pips if name == "torch" and version.endswith("+cpu")]
    return (sum(wheels.get((plain(name), version), 0) for name, version in uvs + pips) + sum(cpu)) / 1e6


def plain(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def suits(tags: str, python: tuple[int, int]) -> bool:
    """Whether a wheel is for a Python on this machine: cp311-cp311-manylinux_2_28_x86_64, py3-none-any"""
    built_for, abi, where = tags.split("-")[-3:]
    system = {"linux": "manylinux", "darwin": "macosx", "win32": "win"}.get(sys.platform, sys.platform)
    on_machine = where == "any" or (system in where and platform.machine().lower() in where)
    return on_machine and (built_for.startswith("py") or abi in ("abi3", "cp{}{}".format(*python)))
