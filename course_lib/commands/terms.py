"""The terms of the code and of the shipped model, shown when a command is first used."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

CARD = Path(__file__).resolve().parents[1] / "weights" / "mobilefacenet_075_relu.md"
VARIABLE, SEEN = "COURSE_TERMS", "seen"  # set so, nothing is shown: for scripts


def terms() -> str:
    """The licence of the code, and the terms of the model as its card states them."""
    found = re.search(r"^## Terms\n+(.+?)(?=\n+## )", CARD.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{CARD} has no section '## Terms'; install the course anew")
    return (
        "face-course: the code is under the Apache License 2.0. The trained model that comes with it is not:\n\n"
        + "\n".join(f"    {line}" for line in found[1].splitlines())
        + "\n"
    )


def show_once() -> None:
    """Print the terms to the standard error, unless an earlier command has, or the variable says they are known."""
    if os.environ.get(VARIABLE) == SEEN:
        return
    note = _note()
    if note.exists():
        return
    print(terms(), file=sys.stderr)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    except OSError:
        pass  # where nothing can be kept, they are shown each time


def _note() -> Path:
    """The file that says that they were shown."""
    from platformdirs import user_state_path

    return user_state_path("face-course", appauthor=False) / "terms_shown"
