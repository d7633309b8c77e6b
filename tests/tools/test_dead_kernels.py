from __future__ import annotations

import signal
import sys

import pytest

from tools.dead_kernels import ending


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "with exit code 0"),
        (1, "with exit code 1"),
        (3221225477, "with exit code 3221225477"),  # how Windows names an access to foreign memory
        (-signal.SIGSEGV, "by signal 11 (SIGSEGV)"),
        (-200, "by signal 200 (without a name)"),
        (None, "for a reason that the system does not tell"),
    ],
)
def test_an_ending_in_words(returncode: int | None, words: str):
    assert ending(returncode) == words


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_what_the_system_kills_had_too_much_memory():
    assert ending(-signal.SIGKILL) == "by signal 9 (SIGKILL); a common cause is too little memory"
