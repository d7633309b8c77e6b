"""What every test run shares, the notebooks' included."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest
from hypothesis import settings

# Shared and slow machines miss hypothesis' default deadline; the same examples every time make failures repeatable.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

# "spawn" on Linux is how macOS and Windows start processes; each Python has its own default.
if start := os.environ.get("COURSE_START_METHOD"):
    multiprocessing.set_start_method(start, force=True)

# What a shell runs in the background ignores Ctrl-C, and so does all that is started from there; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Notebooks are compared as they were built: in the small mode, with their guards, without progress bars."""
    if config.getoption("nbval", default=False):
        if os.environ.get("COURSE_FULL"):
            raise pytest.UsageError("COURSE_FULL is set, but the committed notebooks hold the small runs: unset it.")
        os.environ |= {"TQDM_DISABLE": "1", "COURSE_GUARDS": "1", "COURSE_TERMS": "seen"}
        config.pluginmanager.import_plugin("tools.nbval_numbers")
