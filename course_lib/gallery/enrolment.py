"""What is given to enrol people, a folder or photographs and their consent, and the report of what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from course_lib.alignment import Photograph, Problem
from course_lib.data.photographs import BESIDE, INSIDE, SUFFIXES, PassedOver, identities, images_in, in_words
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
        passed_over: other files and what is hidden: the path of each, and why.
    """

    templates: Mapping[str, int]
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]
    chosen: Mapping[str, int]
    passed_over: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        used = f"{len(self.templates):,} people, {sum(self.templates.values()):,} templates"
        return f"EnrolmentReport({used}; {len(self.problems):,} photographs not used)"

    def __str__(self) -> str:
        parts = [f"people enrolled: {len(self.templates):,}, templates: {sum(self.templates.values()):,}"]
        parts += [f"left out: {_listed(self.left_out)}"] if self.left_out else []
        parts += [f"photographs not used: {counted(self.problems)}"] if self.problems else []
        parts += [f"one of several faces chosen in {len(self.chosen):,}"] if self.chosen else []
        parts += [f"{len(self.passed_over):,} other files passed over"] if self.passed_over else []
        return "; ".join(parts)


def people_in(folder: Path, on_error: OnError) -> tuple[dict[str, list[Path]], PassedOver]:
    """The photographs of each person in ``folder/PERSON/IMAGE.jpg``, and what else there is.

    Raises:
        FileNotFoundError: there is no such folder, or nobody in it.
        ValueError: an image lies outside the folders of the people, or a folder inside one; two names are the same; or
            a person has no image, unless such are to be skipped.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; expected one with a folder for each person")
    people: dict[str, list[Path]] = {}
    folders, passed_over = identities(folder)
    loose = [entry for entry, reason in passed_over if reason == BESIDE]
    if loose:
        raise ValueError(
            f"{loose[0]} lies in no person's folder ({len(loose)} such); expected {folder}/PERSON/IMAGE.jpg"
        )
    for inner in folders:
        images, others = images_in(inner)
        deeper = [entry for entry, reason in others if reason == INSIDE]
        if deeper:
            raise ValueError(f"{deeper[0]} is a folder; expected the photographs of {inner.name!r}, {inner}/IMAGE.jpg")
        name = as_name(inner.name)
        if name in people:
            raise ValueError(
                f"{folder} holds two folders of the name {name!r}, written in two ways; merge or rename them"
            )
        people[name] = images or []
        passed_over += others
        if not images and on_error == "raise":
            raise ValueError(f"{inner} holds no image ({SUFFIXES}){in_words(others)}; delete it or fill it")
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


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more:,} more" if more > 0 else "")
