"""What lies in the place of a file that did not arrive: told from its first bytes, whatever the file should be."""

from __future__ import annotations

import re
from pathlib import Path

HEAD = 512  # bytes that are enough to tell
# How it begins, what it is, and what to do.
STAND_INS = (
    (
        rb"(?i:\s*<(!doctype )?html)",
        "a web page, perhaps what a server said instead of sending the file",
        "fetch it again",
    ),
    (rb"version https://git-lfs", "a pointer of Git LFS and not the file itself", "run: git lfs pull"),
    (rb"\0+$", "filled with zeros, as an interrupted copy leaves a file", "copy it again"),
)


def refuse_stand_in(path: Path) -> None:
    """Raise ``ValueError``, with what to do, for what is no file of any kind that is read here."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    for start, kind, remedy in STAND_INS:
        if re.match(start, head, re.DOTALL):
            raise ValueError(f"{path} is {kind}; {remedy}")
