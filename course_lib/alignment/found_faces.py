"""A detector that remembers what it found, in the data folder: looking at the same photographs again takes no time."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch

from course_lib.alignment.detector import Detector, Face
from course_lib.alignment.photograph import Photograph, as_rgb
from course_lib.paths import data_folder

FOLDER = "found_faces"  # in the data folder


@runtime_checkable
class Described(Protocol):
    """A detector that says what its faces depend on, beside the photograph and the code: what it finds can be kept."""

    def settings(self) -> dict[str, Any]:
        """Options and weights, as plain values."""
        ...


class Remembering:
    """A ``Detector`` that asks another one only about photographs that it has not seen.

    What is kept are boxes, landmarks and scores, not a pixel, under a hash of the pixels, in one database for each
    kind of detector: its settings and weights, the code of this folder, and the versions of the libraries that
    compute. Whatever changes makes another database, so that nothing in it is ever out of date. It may be deleted.

    Args:
        detector: it has to be ``Described``.
        folder: of the databases; by default ``found_faces`` in the data folder.
    """

    def __init__(self, detector: Detector, folder: Path | None = None) -> None:
        if not isinstance(detector, Described):
            raise TypeError(f"{type(detector).__name__} has no settings(); what it finds would be kept under no name")
        self.detector = detector
        self.path = (data_folder() / FOLDER if folder is None else folder) / f"{kind(detector)}.sqlite"

    def __repr__(self) -> str:
        return f"Remembering({type(self.detector).__name__}, {self.path.name})"

    def detect(self, image: Photograph) -> list[Face]:
        """See ``Detector``."""
        return self.detect_many([image])[0]

    def detect_many(self, images: Sequence[Photograph]) -> list[list[Face]]:
        """See ``Detector``."""
        pixels = [as_rgb(image) for image in images]
        keys = [hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest() for image in pixels]
        known = self._read(keys)
        new = {key: image for key, image in zip(keys, pixels, strict=True) if key not in known}
        found = dict(zip(new, self.detector.detect_many(list(new.values())), strict=True)) if new else {}
        self._write(found)
        return [found[key] if key in found else known[key] for key in keys]

    def _read(self, keys: Sequence[str]) -> dict[str, list[Face]]:
        if not self.path.is_file():
            return {}
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as database:
                places = ",".join("?" * len(keys))
                rows = database.execute(f"SELECT photograph, faces FROM found WHERE photograph IN ({places})", keys)
                return {key: _faces(text) for key, text in rows}
        except (sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError):
            return {}  # damaged or of other columns: what it would have said is found again, and _write says so

    def _write(self, found: dict[str, list[Face]]) -> None:
        if not found:
            return
        rows = [(key, _text(faces)) for key, faces in found.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
                database.execute("CREATE TABLE IF NOT EXISTS found (photograph TEXT PRIMARY KEY, faces TEXT NOT NULL)")
                database.executemany("INSERT OR REPLACE INTO found VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            warnings.warn(
                f"{self.path} cannot be written ({error}), so found faces are not kept for the next run. Delete it,"
                " or set COURSE_DATA to a folder that can be written",
                stacklevel=2,
            )


def kind(detector: Described) -> str:
    """A hash of all that decides what a detector finds in given pixels."""
    described = {
        "class": f"{type(detector).__module__}.{type(detector).__qualname__}",
        "settings": detector.settings(),
        "code": _code(),
        "versions": [torch.__version__, np.__version__, cv2.__version__],  # others may round in another way
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


@cache
def _code() -> str:
    """A hash of this folder's Python files."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


def _text(faces: Sequence[Face]) -> str:
    # JSON writes a float64 with as many digits as it takes to read the same one back.
    return json.dumps([[face.box.tolist(), face.landmarks.tolist(), face.score] for face in faces])


def _faces(text: str) -> list[Face]:
    return [
        Face(np.array(box, np.float64).reshape(4), np.array(landmarks, np.float64).reshape(5, 2), float(score))
        for box, landmarks, score in json.loads(text)
    ]
