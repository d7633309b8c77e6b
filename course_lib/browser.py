"""Whether there is a browser to open. Standard library only."""

from __future__ import annotations

import os
import sys


def browser_can_open() -> bool:
    """Whether there is a screen for a browser; a text browser would take over the terminal."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
