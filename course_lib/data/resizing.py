"""Images of another size."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Scale uint8 images (..., C, H, W) to (..., C, height, width), bilinearly and with antialiasing.

    The values are those of torchvision's ``resize``; importing that package costs seconds and 100 MB, as it loads
    PyTorch's compiler. Images that have this size already are given back themselves.

    Raises:
        ValueError: height or width is below 1.

    Example:
        >>> import torch
        >>> resize(torch.tensor([[[0, 200]]], dtype=torch.uint8), 1, 1)
        tensor([[[100]]], dtype=torch.uint8)
    """
    if height < 1 or width < 1:
        raise ValueError(f"the size is {height}x{width}; expected a height and a width of at least 1 pixel")
    if images.shape[-2:] == (height, width):
        return images
    flat = images.reshape(-1, *images.shape[-3:])
    scaled = interpolate(flat, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
    return scaled.reshape(*images.shape[:-2], height, width)
