"""Stronger augmentation: each image is turned, relit or blended with another, by its own draw."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class RandomWarp:
    """Turn each image by up to ``degrees`` and scale it by up to the fraction ``scale``, both ways, about its centre.

    Pixels are interpolated linearly; what comes into view repeats the border. Raises ``ValueError`` for a negative
    angle, or a fraction outside [0, 1).
    """

    degrees: float = 10.0
    scale: float = 0.1

    def __post_init__(self) -> None:
        if not self.degrees >= 0 or not 0 <= self.scale < 1:
            raise ValueError(f"degrees is {self.degrees}, scale {self.scale}; expected 0 or more, and 0 to below 1")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        turn, grow = 2 * torch.rand(2, len(images), generator=generator).to(images.device) - 1
        angle, zoom = torch.deg2rad(self.degrees * turn), 1 / (1 + self.scale * grow)
        aspect = images.shape[2] / images.shape[3]  # the grid runs from -1 to 1 on both axes
        cosine, sine, none = zoom * angle.cos(), zoom * angle.sin(), torch.zeros_like(angle)
        rows = [torch.stack([cosine, -sine * aspect, none], 1), torch.stack([sine / aspect, cosine, none], 1)]
        grid = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        warped = grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
        return warped.round_().clamp_(0, 255).to(images.dtype)


@dataclass(frozen=True)
class RandomLight:
    """Multiply each image's brightness and its contrast about middle grey by 1 plus or minus up to these fractions.

    Raises ``ValueError`` for a fraction outside [0, 1].
    """

    brightness: float = 0.3
    contrast: float = 0.3

    def __post_init__(self) -> None:
        if not (0 <= self.brightness <= 1 and 0 <= self.contrast <= 1):
            raise ValueError(f"brightness is {self.brightness}, contrast {self.contrast}; expected 0 to 1")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        draw = 2 * torch.rand(2, len(images), 1, 1, 1, generator=generator).to(images.device) - 1
        brightness, contrast = 1 + self.brightness * draw[0], 1 + self.contrast * draw[1]
        relit = (images * brightness - 127.5) * contrast + 127.5
        return relit.round_().clamp_(0, 255).to(images.dtype)


@dataclass(frozen=True)
class RandomBlend:
    """Blend each image, with probability ``p``, with another of its batch, in shares that are drawn uniformly.

    The labels do not follow: it is for images whose label is made afterwards, such as a teacher's embedding. Source:
    mixup (Zhang et al. 2018), with alpha = 1. Raises ``ValueError`` for a probability outside [0, 1].
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"p is {self.p}; expected 0 to 1")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        partners = torch.randperm(len(images), generator=generator).to(images.device)
        chosen, share = torch.rand(2, len(images), 1, 1, 1, generator=generator).to(images.device)
        blended = torch.lerp(images.float(), images[partners].float(), share).round_().to(images.dtype)
        return torch.where(chosen < self.p, blended, images)
