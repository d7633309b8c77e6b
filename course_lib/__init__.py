"""The library of the lightweight face recognition course: data, networks, losses, training, evaluation.

Importing it is quick: a subpackage, and PyTorch with it, is loaded when it is first used, either by
``from course_lib import losses`` or as ``course_lib.losses``.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from course_lib import machine
from course_lib.guards import guard
from course_lib.records import record

__version__ = "0.1.0"
__all__ = ["guard", "record"]

machine.settle()  # before PyTorch is loaded, where that is still to come
machine.release_after_cells()

_SUBPACKAGES = (
    "alignment",
    "audit",
    "backbones",
    "commands",
    "cost",
    "data",
    "evaluation",
    "exercises",
    "export",
    "gallery",
    "losses",
    "optim",
    "training",
    "verify",
    "viz",
    "weights",
)


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; its subpackages are {', '.join(_SUBPACKAGES)}"
    )


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBPACKAGES])
