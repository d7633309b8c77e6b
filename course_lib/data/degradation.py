"""Images made worse by a stated strength: the same pairs under growing blur, or fewer pixels, are one loop.

Each is called like an augmentation, with uint8 images (N, C, H, W) and a generator, and gives images of the same shape.
All images get the same strength, unlike in training. ``LADDERS`` holds each in steps from mild to severe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from types import MappingProxyType
from typing import Literal, get_args

import torch
from PIL import Image
from torch import Generator, Tensor

from course_lib.alignment.photograph import open_photograph
from course_lib.alignment.template import template
from course_lib.data.augmentation import Augmentation
from course_lib.data.photographs import as_tensor
from course_lib.data.resizing import resize

Place = Literal["random", "eyes", "mouth"]
EYES, MOUTH = slice(0, 2), slice(3, 5)  # of the template's five points
# What hides them is wide: sunglasses three times as wide as high, a scarf twice.
WIDE = {"random": 1.0, "eyes": 3.0, "mouth": 2.0}


@dataclass(frozen=True)
class Blur:
    """Gaussian blur with standard deviation ``sigma`` in pixels; 0 changes nothing.

    Raises ``ValueError`` for a negative sigma.
    """

    sigma: float

    def __post_init__(self) -> None:
        if not self.sigma >= 0:
            raise ValueError(f"sigma is {self.sigma}; expected 0 or more pixels")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        if self.sigma == 0:
            return images
        reach = min(ceil(3 * self.sigma), *(side - 1 for side in images.shape[-2:]))  # a border can be mirrored once
        from torchvision.transforms.v2.functional import gaussian_blur  # here, as it takes seconds to import

        return gaussian_blur(images, [2 * reach + 1] * 2, [self.sigma] * 2)

    def __str__(self) -> str:
        return f"blur, sigma {self.sigma:g} pixels"


@dataclass(frozen=True)
class LowResolution:
    """Scale the images down to ``height`` pixels, and in proportion in width, and up again, as a small face is.

    Raises ``ValueError`` for a height below 1, or, when called, above the images' own.
    """

    height: int

    def __post_init__(self) -> None:
        if self.height < 1:
            raise ValueError(f"height is {self.height}; expected at least 1 pixel")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        height, width = images.shape[-2:]
        if self.height > height:
            raise ValueError(f"height is {self.height}, but the images have {height} pixels already; expected fewer")
        small = resize(images, self.height, max(1, round(width * self.height / height)))
        return resize(small, height, width)

    def __str__(self) -> str:
        return f"{self.height} pixels high"


@dataclass(frozen=True)
class Occlusion:
    """Cover the share ``share`` of each image by a black block.

    It lies at a random place, another one for each image, or on the eyes or the mouth of aligned crops, where the
    template has them. Raises ``ValueError`` for a share outside [0, 1], another place, or, when called, crops that
    have no template.
    """

    share: float
    place: Place = "random"

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or self.place not in get_args(Place):
            raise ValueError(
                f"share is {self.share} and place {self.place!r}; expected 0 to 1, and {' or '.join(get_args(Place))}"
            )

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        sides = images.shape[-2:]
        block = self._block(*sides)
        corners = self._corners(len(images), torch.tensor(sides), torch.tensor(block), generator)
        covered = [
            (torch.arange(side) >= corner[:, None]) & (torch.arange(side) < corner[:, None] + length)  # (N, side)
            for side, length, corner in zip(sides, block, corners.T, strict=True)
        ]
        mask = covered[0][:, None, :, None] & covered[1][:, None, None, :]  # (N, 1, H, W)
        return images.masked_fill(mask.to(images.device), 0)

    def _corners(self, count: int, sides: Tensor, block: Tensor, generator: Generator | None) -> Tensor:
        """Row and column (N, 2) of each block's first pixel."""
        if self.place == "random":
            if generator is None:
                raise ValueError("a random place needs a generator; pass torch.Generator().manual_seed(0)")
            return (torch.rand(count, 2, generator=generator) * (sides - block + 1)).long()
        points = template(tuple(sides.tolist()))[EYES if self.place == "eyes" else MOUTH].mean(0)
        corner = (torch.from_numpy(points).flip(0) - (block - 1) / 2).round().long()
        return corner.clamp(torch.zeros(2).long(), sides - block).expand(count, 2)

    def _block(self, height: int, width: int) -> tuple[int, int]:
        """Height and width in pixels, of the right area as far as whole pixels allow, and inside the image."""
        area, wide = self.share * height * width, WIDE[self.place]
        rows = min(max(sqrt(area / wide), area / width), height)
        return round(rows), min(round(area / rows), width) if rows else 0

    def __str__(self) -> str:
        where = "at random" if self.place == "random" else f"on the {self.place}"
        return f"{100 * self.share:g} % covered {where}"


@dataclass(frozen=True)
class Noise:
    """Add Gaussian noise with standard deviation ``sigma`` in grey levels of 0..255, drawn for each pixel and channel.

    Raises ``ValueError`` for a negative sigma.
    """

    sigma: float

    def __post_init__(self) -> None:
        if not self.sigma >= 0:
            raise ValueError(f"sigma is {self.sigma}; expected 0 or more grey levels")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        noise = torch.randn(images.shape, generator=generator).to(images.device)
        return (images + self.sigma * noise).round_().clamp_(0, 255).to(images.dtype)

    def __str__(self) -> str:
        return f"noise, sigma {self.sigma:g} grey levels"


@dataclass(frozen=True)
class Jpeg:
    """Compress the images as JPEG of ``quality`` 1 to 100, and decompress them.

    Raises ``ValueError`` for another quality.
    """

    quality: int

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality is {self.quality}; expected 1 to 100")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        return torch.stack([self._again(image) for image in images.cpu()]).to(images.device)

    def _again(self, image: Tensor) -> Tensor:
        file = BytesIO()
        pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
        Image.fromarray(pixels.numpy()).save(file, "JPEG", quality=self.quality)
        return as_tensor(open_photograph(file.getvalue()))

    def __str__(self) -> str:
        return f"JPEG quality {self.quality}"


LADDERS: Mapping[str, tuple[Augmentation, ...]] = MappingProxyType(
    {
        "blur": tuple(Blur(sigma) for sigma in (0.5, 1, 2, 3, 4, 6)),
        "resolution": tuple(LowResolution(height) for height in (56, 40, 28, 20, 14, 10)),
        "block": tuple(Occlusion(share) for share in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)),
        "eyes covered": tuple(Occlusion(share, "eyes") for share in (0.025, 0.05, 0.1, 0.15, 0.2, 0.3)),
        "mouth covered": tuple(Occlusion(share, "mouth") for share in (0.025, 0.05, 0.1, 0.15, 0.2, 0.3)),
        "noise": tuple(Noise(sigma) for sigma in (5, 10, 20, 40, 60, 80)),
        "JPEG": tuple(Jpeg(quality) for quality in (50, 30, 20, 10, 5, 2)),
    }
)
"""Six steps of each for aligned 112x112 faces, from mild to severe."""
