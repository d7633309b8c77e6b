"""The one container that every data set is loaded into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.data.resizing import resize


@dataclass(frozen=True, repr=False)
class ImageSet:
    """Labelled images in memory.

    Attributes:
        images: uint8 (N, C, H, W), C = 1 for grey or 3 for RGB.
        labels: int64 (N,), each in 0..len(names)-1; given as a tensor, a NumPy array or a list.
        names: the identity (or class) behind each label.
        source: where the images come from and whom to credit, in one line.
        passed_over: files and folders that the reader of a folder did not take, each with the reason.

    Raises:
        TypeError: images are no tensor or not uint8, or labels are not integers.
        ValueError: shapes disagree, there is no image, or a label is out of range (its index is named).
    """

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]
    source: str
    passed_over: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.images, Tensor):
            raise TypeError(
                f"images are a {type(self.images).__name__}; expected a tensor (N, C, H, W). Pass "
                "torch.as_tensor(images) instead, and .permute(0, 3, 1, 2) where channels come last"
            )
        if self.images.dtype != torch.uint8:
            raise TypeError(f"images are {self.images.dtype}; expected uint8 pixels 0..255")
        if self.images.ndim != 4 or self.images.shape[1] not in (1, 3):
            raise ValueError(f"images have shape {tuple(self.images.shape)}; expected (N, 1 or 3, H, W)")
        if len(self.images) == 0:
            raise ValueError("there are no images; expected at least one")
        object.__setattr__(self, "labels", _whole_numbers("labels", self.labels))
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels have shape {tuple(self.labels.shape)}; expected ({len(self.images)},), one an image"
            )
        outside = ((self.labels < 0) | (self.labels >= len(self.names))).nonzero().flatten()
        if len(outside):
            index = int(outside[0])
            raise ValueError(
                f"label {int(self.labels[index])} at index {index} is out of range; "
                f"expected 0..{len(self.names) - 1} for {len(self.names)} names"
            )
        object.__setattr__(self, "names", tuple(self.names))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        count, channels, height, width = self.images.shape
        colour = "grey" if channels == 1 else "RGB"
        source = self.source if len(self.source) <= 70 else f"{self.source[:69]}…"
        return f"ImageSet({count} {colour} images of {height}x{width}, {self.n_classes} identities; {source})"

    @property
    def n_classes(self) -> int:
        """How many identities there are names for."""
        return len(self.names)

    def subset(self, indices: Tensor | Sequence[int]) -> ImageSet:
        """The images at ``indices`` (M,) int; labels and names stay as they are.

        Raises ``ValueError`` for an index that no image has, ``TypeError`` for what is no index, such as a mask.
        """
        indices = _whole_numbers("indices", indices)
        _check_within("index", indices, -len(self), len(self))
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def only(self, identities: Tensor | Sequence[int]) -> ImageSet:
        """The images of the given labels, relabelled 0..len(identities)-1 in the order given.

        Raises ``ValueError`` for a label that nobody has or that is given twice, and where they have no image.
        """
        identities = _whole_numbers("identities", identities)
        _check_within("label", identities, 0, self.n_classes)
        if len(identities.unique()) < len(identities):
            raise ValueError(f"identities {identities.tolist()} name somebody twice; expected each label once")
        relabelled = torch.full((self.n_classes,), -1)
        relabelled[identities] = torch.arange(len(identities))
        kept = relabelled[self.labels] >= 0
        names = tuple(self.names[i] for i in identities.tolist())
        return ImageSet(self.images[kept], relabelled[self.labels[kept]], names, self.source)

    def numbered(self) -> ImageSet:
        """Each image its own class: its label is its number, 0..N-1, as criteria with a teacher want it."""
        return replace(self, labels=torch.arange(len(self)), names=tuple(map(str, range(len(self)))))

    def resized(self, height: int, width: int) -> ImageSet:
        """All images scaled to height x width pixels, with antialiasing."""
        return replace(self, images=resize(self.images, height, width))


def _whole_numbers(name: str, given: Any) -> Tensor:
    """As int64, whatever holds them; ``TypeError`` for other things, such as words, fractions and masks."""
    if not isinstance(given, Tensor):
        try:
            array = np.asarray(given)
        except ValueError as error:  # a list of lists of several lengths
            raise TypeError(f"{name} are no table of whole numbers ({error}); expected integers") from error
        if array.dtype.kind not in "iu" and array.size:
            advice = {"b": ". Of a mask, give np.flatnonzero(mask)", "U": ". Number the names, and give them as names"}
            raise TypeError(f"{name} are {array.dtype}; expected integers{advice.get(array.dtype.kind, '')}")
        return torch.from_numpy(array.astype(np.int64))
    if given.dtype.is_floating_point or given.dtype.is_complex or given.dtype == torch.bool:
        advice = ". Of a mask, give mask.nonzero().flatten()" if given.dtype == torch.bool else ""
        raise TypeError(f"{name} are {given.dtype}; expected integers{advice}")
    return given.to(torch.int64)


def _check_within(name: str, numbers: Tensor, low: int, end: int) -> None:
    outside = numbers[(numbers < low) | (numbers >= end)]
    if len(outside):
        raise ValueError(f"{name} {int(outside[0])} is out of range; expected {max(low, 0)}..{end - 1}")


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 pixels into floats in [-1, 1): (x - 127.5) / 128, the input of every network here; the shape stays.

    Source: MobileFaceNet (Chen et al. 2018), section 4.1.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"images are {images.dtype}; expected uint8 pixels, which have not been normalised yet")
    return images.float().sub_(127.5).div_(128.0)
