"""Small verification sets as InsightFace packs them, written with real pickles."""

from __future__ import annotations

import io
import pickle
import struct
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


def python_2_dumps(value: object, protocol: int) -> bytes:
    """What Python 2 writes of plain values, whose strings are the bytes here: after its documentation of pickles."""
    return (b"\x80\x02" if protocol == 2 else b"") + _python_2(value, protocol) + b"."


def _python_2(value: object, protocol: int) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return (b"\x89", b"\x88")[value] if protocol == 2 else b"I0%d\n" % value
    if isinstance(value, int):
        return b"I%d\n" % value if protocol == 0 else b"J" + struct.pack("<i", value)
    if isinstance(value, bytes) and protocol == 0:
        return b"S" + repr(value)[1:].encode() + b"\np0\n"
    if isinstance(value, bytes):
        short = len(value) < 256
        return (b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))) + value + b"q\x00"
    assert isinstance(value, list | tuple)
    content = b"(" + b"".join(_python_2(one, protocol) for one in value)
    if isinstance(value, tuple):
        return content + b"t"
    return b"(l" + b"".join(_python_2(one, 0) + b"a" for one in value) if protocol == 0 else b"]" + content + b"e"
