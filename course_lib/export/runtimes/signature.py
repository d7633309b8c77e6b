"""What a file says that it takes and gives, and whether that is a face embedder's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from course_lib.limits import MAX_FACE_SIDE

FLOAT = ("float32", "tensor(float)")  # the latter is ONNX's name


class Value(NamedTuple):
    """An input or an output; those of ONNX Runtime have the same attributes.

    Attributes:
        name: in the file.
        type: of its numbers, as the runtime calls it.
        shape: its sides; one that is not a number may have any length.
    """

    name: str
    type: str
    shape: Sequence[int | str | None]


def faces_taken(path: Path, inputs: Sequence[Value]) -> tuple[int | None, tuple[int, int, int]]:
    """The batch size that a file fixes, or None, and (channels, height, width).

    Raises:
        ValueError: it takes something else than faces, all in one input, or larger ones than ``MAX_FACE_SIDE``.
    """
    batch, *size = inputs[0].shape if len(inputs) == 1 and len(inputs[0].shape) == 4 else (None,)
    fits = len(size) == 3 and all(isinstance(side, int) for side in size) and size[0] in (1, 3)
    if not fits or inputs[0].type not in FLOAT or (isinstance(batch, int) and batch != 1):
        raise ValueError(
            f"{path} takes {_listed(inputs)}; expected one float input of (N or 1, 1 or 3 channels, height, width)"
        )
    if not all(1 <= side <= MAX_FACE_SIDE.value for side in size[1:]):
        raise ValueError(
            f"{path} takes faces of {size[1]} x {size[2]} pixels; expected 1 to {MAX_FACE_SIDE.value:,} a side, which "
            f"{MAX_FACE_SIDE.variable} raises"
        )
    return (batch if isinstance(batch, int) else None), (size[0], size[1], size[2])


def check_embeddings_given(path: Path, outputs: Sequence[Value]) -> None:
    """One row of numbers a face: (N, D), where sides of length one may follow. A shape that is not told is let pass.

    Raises:
        ValueError: it gives something else, or more.
    """
    sides = outputs[0].shape if len(outputs) == 1 else None
    row = [side for side in (sides or [])[1:] if side != 1]
    if len(outputs) != 1 or outputs[0].type not in FLOAT or (sides and len(row) != 1):
        raise ValueError(
            f"{path} is no embedder: it gives {_listed(outputs)}; expected one float output, an embedding (N, D)"
        )


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(sorted(f"{value.name}: {value.type} {value.shape}" for value in values)) or "nothing"
