"""Faces and the pairs among them, with what could not be read: named, counted, and refused or left out by choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from course_lib.data.container import ImageSet
from course_lib.data.pair_checks import linked_people
from course_lib.data.pairs import Pairs

OnError = Literal["refuse", "exclude"]
SHOWN = 3  # problems that a message names after the first


@dataclass(frozen=True)
class Excluded:
    """A photograph that was left out: its name, why, and the numbers of the pairs that went with it, from 0."""

    photograph: str
    reason: str
    pairs: tuple[int, ...]


@dataclass(frozen=True)
class PairedFaces:
    """What a verification set holds.

    Attributes:
        faces: the images. Where the set does not say who they show, the labels are those of ``linked_people``, and
            ``faces.source`` says so.
        pairs: indices into ``faces.images``, in the order of the set.
        excluded: photographs that were left out; empty unless the caller asked for it.
    """

    faces: ImageSet
    pairs: Pairs
    excluded: tuple[Excluded, ...]

    def __repr__(self) -> str:
        return f"PairedFaces({self})"

    @property
    def n_dropped(self) -> int:
        """How many pairs went with the photographs that were left out."""
        return len({pair for photograph in self.excluded for pair in photograph.pairs})

    def __str__(self) -> str:
        genuine = int(self.pairs.same.sum())
        text = (
            f"{genuine:,} genuine and {len(self.pairs) - genuine:,} impostor pairs of {len(self.faces):,} photographs"
        )
        if self.excluded:
            text += f"; {len(self.excluded):,} photographs excluded, and {self.n_dropped:,} pairs with them"
        return text


def check_on_error(on_error: str) -> None:
    """Refuse what is no ``OnError``, by ``ValueError``."""
    if on_error not in get_args(OnError):
        raise ValueError(f"on_error is {on_error!r}; expected one of {', '.join(get_args(OnError))}")


def keep_readable(
    images: Tensor | None,
    problems: Mapping[int, str],
    names: Sequence[str],
    pairs: Pairs,
    *,
    source: str,
    identities: Sequence[str] | None = None,
    on_error: OnError = "refuse",
) -> PairedFaces:
    """Put a set together from its images and from what is wrong with some of them.

    Args:
        images: uint8 (N - problems, C, H, W), those without a problem in their order; None where there is none.
        problems: image number -> why it cannot be used.
        names: N names for messages.
        pairs: indices of the N.
        source: whom to credit.
        identities: N names of people, or None where they are not known.

    Raises:
        ValueError: there is a problem and ``on_error`` is ``"refuse"``; or without the problems no pair is left.
    """
    check_on_error(on_error)
    if problems and on_error == "refuse":
        raise ValueError(f"{source}: {_in_words(problems, names, pairs)}")
    labels, people = _labels(pairs, len(names), identities)
    source += "" if identities is not None else " (identities as far as the genuine pairs tell)"
    excluded = _excluded(problems, names, pairs)
    if problems:
        labels, pairs = _without(labels, pairs, list(problems))
    if images is None or not len(pairs):
        raise ValueError(
            f"{source}: no pair is left without the {len(excluded):,} photographs that cannot be used, such as "
            f"{excluded[0].photograph}: {excluded[0].reason}"
        )
    return PairedFaces(ImageSet(images, torch.from_numpy(labels), people, source), pairs, excluded)


def _in_words(problems: Mapping[int, str], names: Sequence[str], pairs: Pairs) -> str:
    """The first few problems with the pairs they are in, how many more there are, and what to do."""
    first, *others = sorted(problems)
    concerned = np.flatnonzero((pairs.left == first) | (pairs.right == first)).tolist()
    text = f"{names[first]}, in {_listed(concerned)}, cannot be used: {problems[first]}"
    if others:
        text += f", and {len(others):,} more: " + "; ".join(f"{names[i]}: {problems[i]}" for i in others[:SHOWN])
        text += "; ..." if len(others) > SHOWN else ""
    return f"{text}. Mend the set, or pass on_error='exclude' to leave such photographs out with their pairs"


def _excluded(problems: Mapping[int, str], names: Sequence[str], pairs: Pairs) -> tuple[Excluded, ...]:
    concerned: dict[int, dict[int, None]] = {index: {} for index in sorted(problems)}
    for number, both in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
        for index in both:
            if index in concerned:
                concerned[index][number] = None  # a pair of an image with itself counts once
    return tuple(Excluded(names[index], problems[index], tuple(found)) for index, found in concerned.items())


def _listed(pairs: Sequence[int]) -> str:
    return f"pair{'s' if len(pairs) > 1 else ''} {', '.join(map(str, pairs[:5]))}{', ...' if len(pairs) > 5 else ''}"


def _labels(pairs: Pairs, n_images: int, identities: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if identities is None:
        labels = linked_people(pairs, n_images)
        return labels, tuple(f"person {number}" for number in range(int(labels.max()) + 1))
    people, labels = np.unique(np.asarray(identities), return_inverse=True)
    return labels.astype(np.int64), tuple(people.tolist())


def _without(labels: np.ndarray, pairs: Pairs, gone: list[int]) -> tuple[np.ndarray, Pairs]:
    kept = np.setdiff1d(np.arange(len(labels)), gone)
    number = np.full(len(labels), -1)
    number[kept] = np.arange(len(kept))
    left, right = number[pairs.left], number[pairs.right]
    whole = (left >= 0) & (right >= 0)
    return labels[kept], Pairs(left[whole], right[whole], pairs.same[whole])
