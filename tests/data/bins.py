"""Small verification sets as InsightFace packs them, written with real pickles."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
from PIL import Image


def encoded(value: int, size: tuple[int, int] = (112, 112), form: str = "PNG") -> bytes:
    """A plain image, width by height, whose grey tells it from others."""
    file = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(file, form)
    return file.getvalue()


def write_bin(path: Path, images: list[object], same: list[object], protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps((images, same), protocol))
    return path


def greys(images: np.ndarray) -> list[int]:
    return [int(image.float().mean().round()) for image in images]
