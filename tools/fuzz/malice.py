"""A pickle that runs code: it says so in the environment of the process that loads it."""

from __future__ import annotations

from collections.abc import Callable

from tools.fuzz.child import CANARY


class Malice:
    """Pickled, it is a program: whoever loads it sets an environment variable."""

    def __init__(self, function: Callable[[str], object]) -> None:
        self.function = function

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, (f"import os; os.environ[{CANARY!r}] = '1'",)
