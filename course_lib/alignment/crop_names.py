"""What the crop of a photograph is called, and which photograph a name stands for: decided here, for all readers."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import PurePosixPath

from course_lib.alignment.photograph import IMAGE_SUFFIXES

LONGEST_NAME = 255  # bytes that most file systems allow; Windows counts fewer for the same name


def crop_names(
    photographs: Sequence[str],
    suffix: str,
    *,
    kept: Mapping[str, str] | None = None,
    taken: Iterable[str] = (),
) -> dict[str, str]:
    """A name for the crop of each photograph, in the same folder: no two alike, also where case does not count.

    The crop of ``Ada/1.jpg`` is ``Ada/1.png``. Where several photographs would have that name, or it is taken, it is
    ``Ada/1.jpg.png``; and where that is no name for one alone either, or too long for a file system, a digest of the
    photograph's path makes the difference.

    Args:
        photographs: paths below their folder, with ``/``, each once.
        suffix: of the crops, ``.png`` or ``.jpg``.
        kept: names of an earlier run, by photograph, that stay.
        taken: names that are none of a photograph's here.
    """
    names = {photograph: name for photograph, name in (kept or {}).items()}
    used = {same_file(name) for name in (*names.values(), *taken)}
    left = [photograph for photograph in photographs if photograph not in names]
    for attempt in _attempts(suffix):
        wanted = {photograph: attempt(photograph) for photograph in left}
        claims = Counter(map(same_file, wanted.values()))
        names |= {p: name for p, name in wanted.items() if claims[same_file(name)] == 1 and same_file(name) not in used}
        used |= {same_file(wanted[photograph]) for photograph in left if photograph in names}
        left = [photograph for photograph in left if photograph not in names]
        if not left:
            break
    return {photograph: names[photograph] for photograph in photographs}


def same_file(name: str) -> str:
    """Equal for names that a file system may take for one: case and the way accents are written do not count."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded)


def plain_name(name: str) -> str:
    """The name of a photograph without what its files may end in: of ``a.jpg``, ``a.png`` and ``a.jpg.png``, ``a``."""
    name = unicodedata.normalize("NFC", name)
    while (shorter := _shorter(name)) != name:
        name = shorter
    return name


def found_as(photographs: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Which of the ``names`` in their folder is each photograph's own, or its crop's; not where several may be.

    What ends in two suffixes is the crop of a photograph with the first of them, and of no other.

    Example:
        >>> found_as(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], ["a.png", "b.jpg.png", "c.bmp", "c.png", "d.png.png"])
        {'a.jpg': 'a.png', 'b.jpg': 'b.jpg.png'}
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(plain_name(name), []).append(name)
    found = {}
    for photograph in photographs:
        may_be, whole = alike.get(plain_name(photograph), []), unicodedata.normalize("NFC", photograph)
        itself = [name for name in may_be if name == photograph]
        of_its_suffix = [name for name in may_be if _shorter(name) == whole]
        of_any = [name for name in may_be if _shorter(whole) in (whole, _shorter(name))]
        only = next((few[0] for few in (itself, of_its_suffix, of_any) if len(few) == 1), None)
        found |= {photograph: only} if only else {}
    return found


def _shorter(name: str) -> str:
    """A file's name without the suffix of an image, once."""
    path = PurePosixPath(unicodedata.normalize("NFC", name))
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else str(path)


def digest(text: str, length: int = 16) -> str:
    """A short name for any name, also one of bytes that are no text."""
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:length]


def _attempts(suffix: str) -> Iterator:
    yield lambda photograph: _fitting(photograph, PurePosixPath(photograph).stem, suffix)
    yield lambda photograph: _fitting(photograph, PurePosixPath(photograph).name, suffix)
    for number in count():
        ending = f"{number or ''}{suffix}"
        yield lambda photograph, ending=ending: _fitting(
            photograph, PurePosixPath(photograph).name, f"-{digest(photograph)}{ending}"
        )


def _fitting(photograph: str, stem: str, ending: str) -> str:
    """The path of a crop beside its photograph, with a stem cut off and a digest where it would be too long."""
    if len(os.fsencode(stem + ending)) > LONGEST_NAME:
        ending = f"-{digest(photograph)}{ending}"
        while len(os.fsencode(stem + ending)) > LONGEST_NAME:
            stem = stem[:-1]
    return str(PurePosixPath(photograph).parent / (stem + ending))
