"""Files of ``torch.save``, read without executing anything and without unpacking anything."""

from __future__ import annotations

import re
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

PLAIN = (bool, int, float, str, bytes, type(None), set, torch.Size, torch.dtype, torch.device)
MAPPINGS = (dict, OrderedDict, Counter)
ARCHIVE = b"PK\x03\x04"  # how a zip begins, and with it all that PyTorch writes since version 1.6


def read_saved(path: Path, *, also_before_archives: bool = False) -> Any:
    """What ``torch.save`` wrote to a file, if that is tensors and plain values only; on the CPU.

    Args:
        path: the file.
        also_before_archives: read what PyTorch wrote before version 1.6, too.

    Raises:
        ValueError: the file is damaged, compressed, or holds more than tensors and plain values (such as code); the
            message says which in a few words, without the file's name and without PyTorch's advice to execute it.
        OSError: the system cannot open it.
    """
    try:
        with open(path, "rb") as file:
            is_archive = file.read(len(ARCHIVE)) == ARCHIVE
        if is_archive or not also_before_archives:
            _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged records lead PyTorch to nearly any error
        if isinstance(error, OSError) and error.filename:  # of the system, which cannot open it
            raise
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it asks for {foreign[1]}" if foreign else str(error).splitlines()[0] if str(error) else "it ends"
        if "weights_only" in reason or "Weights only" in reason:
            reason = "its pickle cannot be read"
        raise ValueError(reason) from error


def savable(value: Any, name: str) -> Any:
    """What ``read_saved`` reads back: NumPy's numbers and arrays as Python's numbers and as tensors, the rest as it is.

    Raises:
        TypeError: there is something else in it; the message names its place.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, Mapping):
        items = {savable(key, f"a key of {name}"): savable(item, f"{name}[{key!r}]") for key, item in value.items()}
        if type(value) in MAPPINGS and all(items.get(key) is item for key, item in value.items()):
            return value  # with what PyTorch hangs on to it
        return Counter(items) if isinstance(value, Counter) else items
    if isinstance(value, (list, tuple)) and type(value) not in PLAIN:
        kind = list if isinstance(value, list) else tuple
        return kind(savable(item, f"{name}[{place}]") for place, item in enumerate(value))
    if type(value) not in PLAIN and not isinstance(value, Tensor):
        expected = "a number, a text, or a tensor or array of numbers"
        raise TypeError(f"{name} is a {type(value).__name__}; expected {expected}")
    return value


def _check_archive(path: Path) -> None:
    """Raise ValueError for compressed records: PyTorch writes none, and a small file could fill the memory."""
    with zipfile.ZipFile(path) as archive:
        packed = [record.filename for record in archive.infolist() if record.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise ValueError(f"its record {packed[0]} is compressed")
