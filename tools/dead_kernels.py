"""How a kernel ended: by which signal, or with which exit code."""

from __future__ import annotations

import signal


def ending(returncode: int | None) -> str:
    """What to write behind "the kernel died": ``"by signal 11 (SIGSEGV)"`` or ``"with exit code 1"``.

    Args:
        returncode: as ``subprocess.Popen`` gives it: below 0 for a signal; None if it is not known.
    """
    if returncode is None:
        return "for a reason that the system does not tell"
    if returncode >= 0:
        return f"with exit code {returncode}"
    names = {each.value: each.name for each in signal.Signals}
    number = -returncode
    cause = "; a common cause is too little memory" if names.get(number) == "SIGKILL" else ""
    return f"by signal {number} ({names.get(number, 'without a name')}){cause}"
