"""What every function does unless it is told otherwise is written down: who changes a default value sees it in review.

`python tests/test_defaults.py` writes them anew.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import course_lib

WRITTEN = Path(__file__).with_name("defaults.txt")


def functions(owner: object, module: str) -> Iterator[FunctionType]:
    """The public ones of a module and of its public classes, which were written there."""
    for name, member in vars(owner).items():
        if isinstance(member, property) or (name.startswith("_") and name != "__init__"):
            continue
        member = inspect.unwrap(getattr(member, "__func__", member))
        if getattr(member, "__module__", None) != module:
            continue
        if isinstance(member, FunctionType):
            yield member
        elif isinstance(member, type) and member is not owner:
            yield from functions(member, module)


def told(default: object) -> str:
    """The same in every process: functions by name, and all that is no number, text or row of them by its type."""
    if isinstance(default, (bool, int, float, str, tuple, type(None))):
        return repr(default)
    return getattr(default, "__qualname__", type(default).__name__)


def defaults() -> list[str]:
    """``module.function: name=value, ...`` for every function that has any."""
    lines = []
    for found in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
        module = importlib.import_module(found.name)
        for function in functions(module, found.name):
            parameters = inspect.signature(function).parameters.values()
            given = [f"{one.name}={told(one.default)}" for one in parameters if one.default is not one.empty]
            lines += [f"{found.name}.{function.__qualname__}: {', '.join(given)}"] if given else []
    return sorted(set(lines))


def test_defaults_are_what_they_were() -> None:
    assert defaults() == WRITTEN.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    WRITTEN.write_text("\n".join(defaults()) + "\n", encoding="utf-8")
