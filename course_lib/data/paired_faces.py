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
    images: Tensor,
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
        images: uint8 (N, C, H, W); where there is a problem, the pixels mean nothing.
        problems: image number -> why it cannot be used.
        names: N names for messages.
        pairs: indices into ``images``.
        source: whom to credit.
        identities: N names of people, or None where they are not known.

    Raises:
        ValueError: there is a problem and ``on_error`` is ``"refuse"``; or without the problems no pair is left.
    """
    check_on_error(on_error)
    excluded = tuple(_excluded(index, problems[index], names, pairs) for index in sorted(problems))
    if excluded and on_error == "refuse":
        first = excluded[0]
        more = f", and {len(excluded) - 1} more" if len(excluded) > 1 else ""
        raise ValueError(
            f"{source}: {first.photograph}, in {_listed(first.pairs)}, cannot be used: {first.reason}{more}. "
            "Mend it, or pass on_error='exclude' to leave such photographs out with their pairs"
        )
    labels, people = _labels(pairs, len(images), identities)
    source += "" if identities is not None else " (identities as far as the genuine pairs tell)"
    if excluded:
        images, labels, pairs = _without(images, labels, pairs, list(problems))
        if not len(pairs):
            raise ValueError(f"{source}: no pair is left without the {len(excluded)} photographs that cannot be used")
    return PairedFaces(ImageSet(images, torch.from_numpy(labels), people, source), pairs, excluded)


def _excluded(index: int, reason: str, names: Sequence[str], pairs: Pairs) -> Excluded:
    gone = np.flatnonzero((pairs.left == index) | (pairs.right == index))
    return Excluded(names[index], reason, tuple(gone.tolist()))


def _listed(pairs: tuple[int, ...]) -> str:
    return f"pair{'s' if len(pairs) > 1 else ''} {', '.join(map(str, pairs[:5]))}{', ...' if len(pairs) > 5 else ''}"


def _labels(pairs: Pairs, n_images: int, identities: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if identities is None:
        labels = linked_people(pairs, n_images)
        return labels, tuple(f"person {number}" for number in range(int(labels.max()) + 1))
    people, labels = np.unique(np.asarray(identities), return_inverse=True)
    return labels.astype(np.int64), tuple(people.tolist())


def _without(images: Tensor, labels: np.ndarray, pairs: Pairs, gone: list[int]) -> tuple[Tensor, np.ndarray, Pairs]:
    kept = np.setdiff1d(np.arange(len(images)), gone)
    number = np.full(len(images), -1)
    number[kept] = np.arange(len(kept))
    left, right = number[pairs.left], number[pairs.right]
    whole = (left >= 0) & (right >= 0)
    return images[torch.from_numpy(kept)], labels[kept], Pairs(left[whole], right[whole], pairs.same[whole])
