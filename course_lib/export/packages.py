"""Packages that only some files need: named where they are missing, and kept quiet where they talk."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from tempfile import TemporaryFile
from typing import IO, TextIO


@contextmanager
def needed_for(purpose: str, extra: str) -> Iterator[None]:
    """Around imports: a missing package is named with its purpose ("... are written with it") and the extra.

    Raises:
        ModuleNotFoundError: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        fix = f'pip install "face-course[{extra}]"'
        raise ModuleNotFoundError(f"{error.name} is not installed, and {purpose}; {fix}") from error


@contextmanager
def quietly() -> Iterator[IO[bytes]]:
    """Without warnings, logs below errors and progress, those of C++ included; gives a file of what C++ says.

    C++ writes past ``sys.stderr`` to the process's own, which for a while is that file.
    """
    disabled = logging.root.manager.disable
    with TemporaryFile() as said, redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        own = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(own, 2)
            os.close(own)
            logging.disable(disabled)


@contextmanager
def aloud() -> Iterator[TextIO]:
    """``sys.stderr`` as it is now, in a way that ``quietly`` does not silence: for progress within it."""
    if sys.stderr is not sys.__stderr__:  # a notebook's, which does not write to the process's own
        yield sys.stderr
        return
    with open(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="replace") as own:
        yield own
