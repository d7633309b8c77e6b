"""From a photograph to the crop that a network sees: the one function for training, testing and enrolment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np

from course_lib.alignment.detector import Detector, Face
from course_lib.alignment.photograph import Photograph, as_rgb
from course_lib.alignment.similarity import similarity
from course_lib.alignment.template import Size, template
from course_lib.alignment.warp import warp

Choice = Literal["largest", "central"]
T, R = TypeVar("T"), TypeVar("R")

NO_FACE_REMEDY = (
    "try a smaller min_face or threshold; if the face lies on its side or is upside down, turn the photograph upright, "
    "such as by PIL.Image.rotate(180, expand=True): files are turned by their EXIF orientation only, which some "
    "programs drop, and detectors know upright faces"
)


class NoFaceError(ValueError):
    """No face was found where one is needed."""


@dataclass(frozen=True, eq=False)
class Crop:
    """An aligned face.

    Attributes:
        image: uint8 (H, W, 3).
        face: what the detector found, in pixels of the photograph.
        matrix: float64 (2, 3), from the photograph to the crop.
        n_faces: how many faces the photograph has, this one included.
    """

    image: np.ndarray
    face: Face
    matrix: np.ndarray
    n_faces: int

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Crop({height}x{width}, score {self.face.score:.3f}, faces in the photograph: {self.n_faces})"

    @property
    def landmarks(self) -> np.ndarray:
        """The five landmarks in the crop, float64 (5, 2): near the template, not on it, since faces differ."""
        return self.face.landmarks @ self.matrix[:, :2].T + self.matrix[:, 2]


def align(
    image: Photograph, detector: Detector, *, size: Size = 112, choose: Choice = "largest", margin: int = 0
) -> Crop:
    """Find the face and bring its five landmarks to the template; a large face is scaled down as ``warp`` says.

    Args:
        image: see ``as_rgb``.
        detector: finds the face, such as ``MTCNN()``. It knows faces that stand upright, give or take a quarter of a
            right angle: of one that lies on its side or is upside down it finds nothing, or landmarks that are wrong.
        size: of the crop: the side of a square or (height, width), see ``template``.
        choose: of several faces the ``"largest"`` one, or the ``"central"`` one, whose box has its centre nearest to
            the centre of the photograph: right for LFW, whose photographs show a named person in the middle.
        margin: pixels of the crop that are added on all sides, by drawing the face smaller; see ``template``.

    Raises:
        NoFaceError: the detector finds none.
        UnreadableError, TypeError, ValueError: the image cannot be used, or an argument is out of range.
    """
    pixels = as_rgb(image)
    crop = align_many([pixels], detector, size=size, choose=choose, margin=margin)[0]
    if crop is None:
        height, width = pixels.shape[:2]
        where = f"{image}, " if not hasattr(image, "shape") else ""
        raise NoFaceError(f"no face was found in {where}{height}x{width} pixels; {NO_FACE_REMEDY}")
    return crop


def align_many(
    images: Sequence[Photograph], detector: Detector, *, size: Size = 112, choose: Choice = "largest", margin: int = 0
) -> list[Crop | None]:
    """``align`` for many photographs of any sizes at once, which is quicker; None where no face is found."""
    target = template(size, margin)
    check_choice(choose)
    pixels = [as_rgb(image) for image in images]
    crops: list[Crop | None] = []
    for photograph, faces in zip(pixels, detector.detect_many(pixels), strict=True):
        if not faces:
            crops.append(None)
            continue
        face = choose_face(faces, choose, photograph.shape)
        matrix = similarity(face.landmarks, target)
        crops.append(Crop(warp(photograph, matrix, size), face, matrix, len(faces)))
    return crops


def each_or_error(work: Callable[[list[T]], Sequence[R]], items: Sequence[T]) -> list[R | Exception]:
    """What ``work`` makes of all items together; where that fails, of each alone, with its error in its place.

    Whatever one photograph leads to (landmarks in one place, a side that OpenCV cannot count), the others go on.
    """
    try:
        return list(work(list(items)))
    except Exception as error:
        return [error] if len(items) == 1 else [one for item in items for one in each_or_error(work, [item])]


def crop_with_margin(
    image: Photograph,
    face: Face,
    *,
    margin: float = 26,
    unit: Literal["output", "source"] = "output",
    size: int = 250,
    crop: int = 224,
    generator: np.random.Generator | None = None,
) -> np.ndarray:
    """The detector's box with a margin, scaled to a square, of which a smaller square is cut: no landmarks are used.

    Kumar et al. ("Memory Optimized Deep Learning based Face Recognition") crop MTCNN's box with a margin of 26 and
    train on random 224x224 squares of 250x250. In which unit 26 counts they do not say, and it matters:

    - ``"output"``, facenet-pytorch: pixels of the result, half on each side, so that every face gets the same share;
    - ``"source"``, David Sandberg's facenet: pixels of the photograph, half on each side: little around a large face
      and a lot around a small one.

    The box is no square, so the face is stretched, as in both of these. Outside the photograph it is black.

    Args:
        size: side of the square that the box is scaled to.
        crop: side of the square that is cut from it: at a random place with a ``generator``, else from the middle.

    Returns:
        uint8 (crop, crop, 3).

    Raises:
        ValueError: the box is empty, or margin, unit, size or crop are out of range.
    """
    if unit not in ("output", "source"):
        raise ValueError(f"unit is {unit!r}; expected 'output' or 'source'")
    if not 0 <= margin < size or not 0 < crop <= size:
        raise ValueError(f"margin is {margin}, crop {crop}, size {size}; expected 0 <= margin and 0 < crop, below size")
    corners = face.box.reshape(2, 2)
    sides = corners[1] - corners[0]
    if not (sides > 0).all():
        raise ValueError(f"the box {face.box.tolist()} is empty; expected left, top, right, bottom")
    grown = sides * size / (size - margin) if unit == "output" else sides + margin
    spare = size - crop
    offset = np.full(2, spare / 2) if generator is None else generator.integers(0, spare + 1, size=2)
    scale = size / grown
    shift = -(corners.mean(0) - grown / 2) * scale - offset
    return warp(as_rgb(image), np.column_stack([np.diag(scale), shift]), crop)


def check_choice(choose: str) -> None:
    """Refuse what is no ``Choice``, by ``ValueError``."""
    if choose not in get_args(Choice):
        raise ValueError(f"choose is {choose!r}; expected one of {', '.join(get_args(Choice))}")


def choose_face(faces: Sequence[Face], choose: Choice, shape: tuple[int, ...]) -> Face:
    """One of several faces, at least one, of a photograph of ``shape`` (height, width, ...); see ``align``."""
    check_choice(choose)
    if choose == "largest":
        return max(faces, key=lambda face: face.area)
    centre = (np.array([shape[1], shape[0]]) - 1) / 2
    return min(faces, key=lambda face: float(np.linalg.norm(face.box.reshape(2, 2).mean(0) - centre)))
