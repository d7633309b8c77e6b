"""Ctrl-C reaches every process of a terminal; those that are started here leave it to the one that started them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unheard() -> Iterator[None]:
    """What is started within begins with SIGINT blocked; this thread hears it when the block is left.

    A process can ignore the signal itself, but not before Python and PyTorch are imported, which takes seconds in
    which Ctrl-C would print a traceback of its own. Windows has no such mask: nothing is changed there.

    Example::

        with unheard():
            process.start()
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
