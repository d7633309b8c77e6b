"""From images to embeddings with a trained network."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data import ImageSet, normalise


@torch.inference_mode()
def embed(backbone: nn.Module, images: ImageSet | Tensor, *, batch_size: int = 128, flip: bool = False) -> np.ndarray:
    """Embed images in evaluation mode and full precision, on the device the network is on: float32 (N, D).

    Args:
        images: an image set or its uint8 (N, C, H, W) tensor.
        flip: add the embedding of each mirrored image to it, the usual test-time augmentation.

    The embeddings are not normalised to length one. The network's mode is put back afterwards.

    Raises:
        ValueError: an embedding is not finite (the image's index is named), or there is no image.
    """
    pixels = images.images if isinstance(images, ImageSet) else images
    if len(pixels) == 0:
        raise ValueError("there are no images to embed; expected at least one")
    device = next(backbone.parameters()).device
    was_training = backbone.training
    backbone.eval()
    try:
        everything = embed_batches(
            lambda floats: backbone(floats.to(device, memory_format=torch.channels_last)),
            pixels.split(batch_size),
            flip=flip,
        )
    finally:
        backbone.train(was_training)
    broken = (~everything.isfinite().all(1)).nonzero().flatten()
    if len(broken):
        raise ValueError(
            f"the embedding of image {int(broken[0])} is not finite ({len(broken)} in all); did training diverge?"
        )
    return everything.numpy()


def embed_batches(forward: Callable[[Tensor], Tensor], batches: Iterable[Tensor], *, flip: bool) -> Tensor:
    """Embed batches of uint8 images (n, C, H, W), whatever runs the network: float32 (N, D), on the CPU.

    Args:
        forward: normalised images (n, C, H, W) float -> embeddings (n, D) float.
        flip: add the embedding of each mirrored image.
    """
    rows = []
    for batch in batches:
        floats = normalise(batch)
        embeddings = forward(floats)
        if flip:
            embeddings = embeddings + forward(floats.flip(-1))
        rows.append(embeddings.float().cpu())
    return torch.cat(rows)
