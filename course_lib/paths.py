"""Where data sets and weights that are not inside a package live on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_dir

PROJECT = "face-course"


def data_folder() -> Path:
    """The folder of downloaded data: the environment variable ``COURSE_DATA``, or else the platform's cache folder.

    It is not created. ``data_scripts/get_*.py`` write to it, ``course_lib.data`` and ``course_lib.alignment`` read
    from it.

    Raises:
        ValueError: ``COURSE_DATA`` is a relative path, which would mean another folder in every notebook.
    """
    chosen = os.environ.get("COURSE_DATA", "").strip()
    if not chosen:
        return Path(user_cache_dir(PROJECT, appauthor=False))
    folder = Path(chosen).expanduser()
    if not folder.is_absolute():
        raise ValueError(
            f"COURSE_DATA is {chosen!r}, a relative path; expected a full one, such as {Path(chosen).resolve()}"
        )
    return folder
