"""What is given to enrol people, a folder or photographs and their consent, and the report of what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from course_lib.alignment import Photograph, Problem
from course_lib.alignment.junk import is_junk
from course_lib.alignment.photograph import IMAGE_SUFFIXES
from course_lib.gallery.consent import Consent
from course_lib.gallery.faces import OnError, counted
from course_lib.gallery.names import as_name

NAMED_AT_MOST = 5  # people in one message


@dataclass(frozen=True)
class EnrolmentReport:
    """What became of the photographs that were given to enrol people; ``print`` shows the counts.

    Attributes:
        templates: how many each person got; nobody else was enrolled.
        left_out: people of whom no photograph could be used.
        problems: each photograph that was not used, and why.
        chosen: photographs with several faces of which one was chosen, and how many they show.
        passed_over: files that are no images by their suffix.
    """

    templates: Mapping[str, int]
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]
    chosen: Mapping[str, int]
    passed_over: int = 0

    def __repr__(self) -> str:
        used = f"{len(self.templates):,} people, {sum(self.templates.values()):,} templates"
        return f"EnrolmentReport({used}; {len(self.problems):,} photographs not used)"

    def __str__(self) -> str:
        parts = [f"people enrolled: {len(self.templates):,}, templates: {sum(self.templates.values()):,}"]
        parts += [f"left out: {_listed(self.left_out)}"] if self.left_out else []
        parts += [f"photographs not used: {counted(self.problems)}"] if self.problems else []
        parts += [f"one of several faces chosen in {len(self.chosen):,}"] if self.chosen else []
        parts += [f"{self.passed_over:,} other files passed over"] if self.passed_over else []
        return "; ".join(parts)


def people_in(folder: Path, on_error: OnError) -> tuple[dict[str, list[Path]], int]:
    """The photographs of each person in ``folder/PERSON/IMAGE.jpg``, and how many other files there are.

    Raises:
        FileNotFoundError: there is no such folder, or nobody in it.
        ValueError: an image lies outside the folders of the people, or a folder inside one; two names are the same; or
            a person has no image, unless such are to be skipped.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; expected one with a folder for each person")
    people: dict[str, list[Path]] = {}
    loose, passed_over = _images_and_others(folder)
    if loose:
        raise ValueError(
            f"{loose[0]} lies in no person's folder ({len(loose)} such); expected {folder}/PERSON/IMAGE.jpg"
        )
    for inner in filter(Path.is_dir, _entries(folder)):
        deeper = list(filter(Path.is_dir, _entries(inner)))
        if deeper:
            raise ValueError(f"{deeper[0]} is a folder; expected the photographs of {inner.name!r}, {inner}/IMAGE.jpg")
        name = as_name(inner.name)
        if name in people:
            raise ValueError(
                f"{folder} holds two folders of the name {name!r}, written in two ways; merge or rename them"
            )
        people[name], others = _images_and_others(inner)
        passed_over += others
        if not people[name] and on_error == "raise":
            raise ValueError(f"{inner} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}); delete it or fill it")
    if not people:
        raise FileNotFoundError(f"{folder} holds no folder; expected one for each person, with images inside")
    return people, passed_over


def consents(names: Sequence[str], consent: Consent | Mapping[str, Consent]) -> dict[str, Consent]:
    """The consent of each person, from one that covers all or from one for each.

    Raises:
        ValueError: somebody has none; they are named.
    """
    if not isinstance(consent, Mapping):
        return dict.fromkeys(names, consent)
    given = {as_name(name): one for name, one in consent.items()}
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"there is no consent of {_listed(missing)}; nobody is enrolled who did not agree")
    return {name: given[name] for name in names}


def as_list(photographs: Photograph | Sequence[Photograph]) -> list[Photograph]:
    """One photograph or several as a list of at least one; raises ``ValueError`` for none."""
    if isinstance(photographs, (str, Path, Image.Image, np.ndarray, Tensor)):
        return [photographs]
    if not len(photographs):
        raise ValueError("no photograph is given; expected at least one")
    return list(photographs)


def _images_and_others(folder: Path) -> tuple[list[Path], int]:
    files = list(filter(Path.is_file, _entries(folder)))
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    return images, len(files) - len(images)


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, without what is hidden and what systems leave behind."""
    return sorted(entry for entry in folder.iterdir() if not (entry.name.startswith(".") or is_junk(entry.name)))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more:,} more" if more > 0 else "")
