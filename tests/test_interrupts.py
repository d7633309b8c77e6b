from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest

from course_lib.interrupts import unheard

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal mask")
PROGRAM = "import sys; print('up', flush=True); sys.stdin.read(); print('to the end')"


@pytest.mark.parametrize(("within", "said", "code"), [(unheard, "to the end\n", 0), (nullcontext, "", -signal.SIGINT)])
def test_what_is_started_within_does_not_hear_ctrl_c(within, said, code):
    with within():
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    assert program.stdout.readline() == "up\n"
    program.send_signal(signal.SIGINT)
    assert program.communicate(timeout=60)[0] == said
    assert program.returncode == code


def test_this_thread_hears_it_when_the_block_is_left():
    left = []
    with pytest.raises(KeyboardInterrupt), unheard():
        signal.raise_signal(signal.SIGINT)
        left.append("not yet")
    assert left == ["not yet"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_signal_that_was_blocked_before_stays_blocked():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with unheard():
            pass
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
