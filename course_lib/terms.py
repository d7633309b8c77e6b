"""The terms of the code and of the shipped model, told when they are first used."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

MODEL = "mobilefacenet_075_relu"
CARD = Path(__file__).parent / "weights" / f"{MODEL}.md"
VARIABLE, SEEN = "COURSE_TERMS", "seen"  # set so, nothing is shown: for scripts
SHOWN, MENTIONED = "terms_shown", "terms_mentioned"  # the notes that say so


def terms() -> str:
    """The licence of the code, and the terms of the model as its card states them."""
    return (
        "face-course: the code is under the Apache License 2.0. The trained model that comes with it is not:\n\n"
        + "\n".join(f"    {line}" for line in of_model().splitlines())
        + "\n"
    )


def of_model() -> str:
    """The section of the card.

    Raises:
        ValueError: the card has none.
    """
    found = re.search(r"^## Terms\n+(.+?)(?=\n+## )", CARD.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{CARD} has no section '## Terms'; install the course anew")
    return found[1]


def show_once() -> None:
    """Print all terms to the standard error, as a command does, unless an earlier one has, or the variable says so."""
    if not _known(SHOWN):
        _tell(terms(), SHOWN)


@cache  # where no note can be kept, a program that loads the model often still tells it once
def mention_once() -> None:
    """Print the first sentence of the model's terms and where the others stand, as loading it does, unless told."""
    if not _known(SHOWN, MENTIONED):
        first = of_model().split(". ")[0]
        _tell(f'{MODEL}: {first}. All terms: print(course_lib.weights.card("{MODEL}"))', MENTIONED)


def _known(*notes: str) -> bool:
    return os.environ.get(VARIABLE) == SEEN or any((_folder() / note).exists() for note in notes)


def _tell(text: str, note: str) -> None:
    print(text, file=sys.stderr)
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        (_folder() / note).touch()
    except OSError:
        pass  # where nothing can be kept, they are told each time


def _folder() -> Path:
    """Where the notes lie."""
    from platformdirs import user_state_path

    return user_state_path("face-course", appauthor=False)
