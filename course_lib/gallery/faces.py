"""From photographs to templates: detect, align, embed, and say which photographs gave none, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from course_lib.alignment import (
    Detector,
    Face,
    NoFaceError,
    Photograph,
    Problem,
    UnreadableError,
    align_many,
    as_rgb,
    similarity,
    template,
    warp,
)
from course_lib.alignment.align import NO_FACE_REMEDY, Choice, check_choice, each_or_error
from course_lib.alignment.folder import FAILED, NO_FACE, UNREADABLE
from course_lib.alignment.template import Size, as_height_width
from course_lib.gallery.kind import TemplateKind
from course_lib.gallery.matching import unit_length
from course_lib.progress import Progress
from course_lib.training import embed, fingerprint

OnError = Literal["raise", "skip"]
SEVERAL_FACES = "several faces"
PIXELS_AT_ONCE = 20_000_000  # in one call of the detector


class SeveralFacesError(ValueError):
    """A photograph shows several faces where one is needed."""


@dataclass(frozen=True, eq=False)
class Portraits:
    """What became of some photographs that should show one person each.

    Attributes:
        templates: float32 (M, D), of length one.
        used: (M,), the numbers of the photographs they are from.
        problems: of the other photographs: ``NO_FACE``, ``UNREADABLE``, ``FAILED`` or ``SEVERAL_FACES``.
        chosen: the photographs with several faces of which one was chosen, and how many they show.
    """

    templates: NDArray[np.float32]
    used: NDArray[np.int64]
    problems: tuple[Problem, ...]
    chosen: dict[str, int]

    def __repr__(self) -> str:
        count, length = self.templates.shape
        return f"Portraits({count:,} templates of {length} numbers; {len(self.problems):,} photographs not used)"


@dataclass(frozen=True, eq=False)
class FaceEmbedder:
    """A detector and a network: photographs in, templates out.

    Args:
        model: see ``Gallery``, as all the others.

    Raises:
        TypeError: the model is no network.
        ValueError: what comes out of it is no embedding.
    """

    model: nn.Module
    detector: Detector
    size: Size = 112
    flip: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise TypeError(
                f"the model is a {type(self.model).__name__}; expected a torch.nn.Module, faces to embeddings"
            )

    def __repr__(self) -> str:
        parts = f"{type(self.detector).__name__}, {type(self.model).__name__}"
        return f"FaceEmbedder({parts}, faces of {self.size}, {'with' if self.flip else 'without'} mirror images)"

    def kind(self) -> TemplateKind:
        """What the templates are made by; one black image tells their size."""
        crop = as_height_width(self.size)
        embedding = self._embed(np.zeros((1, *crop, 3), np.uint8))
        if embedding.ndim != 2:
            raise ValueError(f"the model makes {embedding.shape} of one face; expected (1, D), an embedding")
        landmarks = tuple((float(x), float(y)) for x, y in template(self.size).round(4))
        return TemplateKind(fingerprint(self.model), embedding.shape[1], bool(self.flip), crop, landmarks)

    def portraits(
        self, photographs: Sequence[Photograph], labels: Sequence[str], *, choose: Choice | None, on_error: OnError
    ) -> Portraits:
        """The template of the one face in each photograph.

        Args:
            labels: what errors call the photographs.
            choose: which of several faces, see ``course_lib.alignment.choose_face``; None calls several an error.
            on_error: ``"raise"``, or ``"skip"`` to go on without the photograph, which ``problems`` then names.

        Raises:
            UnreadableError: a file cannot be read.
            NoFaceError: a photograph shows no face.
            SeveralFacesError: it shows several, and ``choose`` is None.
            TypeError, ValueError: what is given is no photograph, or an argument is none of those expected.
        """
        if choose is not None:
            check_choice(choose)
        if on_error not in get_args(OnError):
            raise ValueError(f"on_error is {on_error!r}; expected one of {', '.join(get_args(OnError))}")
        align_some = partial(align_many, detector=self.detector, size=self.size, choose=choose or "largest")
        templates, used, problems, chosen = [], [], [], {}
        with _progress(photographs) as bar:
            for portion in self._readable(photographs, labels, problems, on_error):
                crops = []
                for number, crop in zip(portion, each_or_error(align_some, [*portion.values()]), strict=True):
                    if isinstance(crop, Exception):
                        problems.append(_failure(labels[number], crop, on_error))
                        continue
                    n_faces = crop.n_faces if crop else 0
                    if n_faces == 0 or (n_faces > 1 and choose is None):
                        problems.append(_problem(labels[number], n_faces, on_error))
                        continue
                    crops.append(crop.image)
                    used.append(number)
                    if n_faces > 1:
                        chosen[labels[number]] = n_faces
                templates.append(self._templates(crops))
                bar.update(len(portion))
        problems.sort(key=lambda problem: labels.index(problem.file))
        return Portraits(_stacked(templates), np.array(used, np.int64), tuple(problems), chosen)

    def everybody(
        self, photographs: Sequence[Photograph], labels: Sequence[str], problems: list[Problem] | None = None
    ) -> tuple[list[list[Face]], NDArray[np.float32]]:
        """All faces in each photograph, and the templates (N, D) of all of them, one photograph after the other.

        Args:
            labels: what errors call the photographs.
            problems: a list, to go on without a photograph that cannot be used, which is added to it; None raises.

        Raises:
            UnreadableError, TypeError, ValueError: a photograph cannot be used; it is named.
        """
        on_error: OnError = "raise" if problems is None else "skip"
        problems = [] if problems is None else problems
        faces: list[list[Face]] = [[] for _ in photographs]
        templates = []
        with _progress(photographs) as bar:
            for portion in self._readable(photographs, labels, problems, on_error):
                crops = []
                for number, found in zip(portion, each_or_error(self._aligned, [*portion.values()]), strict=True):
                    if isinstance(found, Exception):
                        problems.append(_failure(labels[number], found, on_error))
                        continue
                    faces[number] = [face for face, _ in found]
                    crops += [crop for _, crop in found]
                templates.append(self._templates(crops))
                bar.update(len(portion))
        return faces, _stacked(templates)

    def _aligned(self, photographs: list[np.ndarray]) -> list[list[tuple[Face, NDArray[np.uint8]]]]:
        """Of each photograph all faces, with their crops."""
        target = template(self.size)
        return [
            [(face, warp(pixels, similarity(face.landmarks, target), self.size)) for face in found]
            for pixels, found in zip(photographs, self.detector.detect_many(photographs), strict=True)
        ]

    def _templates(self, crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return unit_length(self._embed(np.stack(crops))) if crops else np.empty((0, 0), np.float32)

    def _embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()
        return embed(self.model, pixels, flip=self.flip)

    def _readable(
        self, photographs: Sequence[Photograph], labels: Sequence[str], problems: list[Problem], on_error: OnError
    ) -> Iterator[dict[int, np.ndarray]]:
        """Photographs as pixels, by their number, never too many at a time."""
        portion: dict[int, np.ndarray] = {}
        for number, photograph in enumerate(photographs):
            try:
                portion[number] = _pixels(photograph, labels[number])
            except UnreadableError as error:
                if on_error == "raise":
                    raise
                problems.append(Problem(labels[number], UNREADABLE, str(error)))
            if sum(pixels.size // 3 for pixels in portion.values()) > PIXELS_AT_ONCE:
                yield portion
                portion = {}
        if portion:
            yield portion


def labelled(photographs: Sequence[Photograph]) -> list[str]:
    """What to call each photograph: by its path, or else by its number, counted from one."""
    in_memory = (np.ndarray, Tensor, Image.Image)
    return [
        f"photograph {number} of {len(photographs)}" if isinstance(photograph, in_memory) else str(photograph)
        for number, photograph in enumerate(photographs, start=1)
    ]


def counted(problems: Sequence[Problem]) -> str:
    """How many photographs have which problem, in words."""
    return ", ".join(f"{count:,} {kind}" for kind, count in Counter(problem.problem for problem in problems).items())


def _progress(photographs: Sequence[Photograph]) -> Progress:
    return Progress(desc="looking at", total=len(photographs), unit="photograph", leave=False, delay=1)


def _pixels(photograph: Photograph, name: str) -> np.ndarray:
    try:
        return as_rgb(photograph)
    except (UnreadableError, TypeError, ValueError) as error:
        raise error if name in str(error) else type(error)(f"{name}: {error}") from error


def _failure(name: str, error: Exception, on_error: OnError) -> Problem:
    """That a photograph's face cannot be aligned: raised or returned."""
    if on_error == "raise":
        raise ValueError(f"{name}: {FAILED}: {error}") from error
    return Problem(name, FAILED, f"{type(error).__name__}: {error}")


def _problem(name: str, n_faces: int, on_error: OnError) -> Problem:
    """That there is no face, or that there are several: raised or returned."""
    error, kind, reason = NoFaceError, NO_FACE, f"the detector found none; {NO_FACE_REMEDY}; or take another photograph"
    if n_faces:
        error, kind = SeveralFacesError, SEVERAL_FACES
        reason = f"{n_faces} faces, and it is not said which; choose='largest' or 'central' takes one"
    if on_error == "raise":
        raise error(f"{name}: {kind}: {reason}")
    return Problem(name, kind, reason)


def _stacked(templates: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Of all portions in which there was a face."""
    filled = [rows for rows in templates if len(rows)]
    return np.concatenate(filled) if filled else np.empty((0, 0), np.float32)
