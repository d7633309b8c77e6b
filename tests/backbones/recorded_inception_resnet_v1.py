"""What facenet-pytorch 2.5.3's InceptionResnetV1 makes of two inputs, with weights that any network can be given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import skimage.data
import torch
from torch import nn

RECORD = Path(__file__).with_name("recorded_inception_resnet_v1.json")
SIZES = (160, 200)


def recorded() -> dict[str, list[list[float]]]:
    """For each size, as text, the embeddings (1, 512) of length 1."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


@torch.no_grad()
def fill(network: nn.Module) -> nn.Module:
    """The network with the same numbers as any other that has the same tensors in the same order."""
    numbers = np.random.default_rng(0)
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue  # how many batches a norm has seen
        if tensor.ndim > 1:
            reach = (3 / tensor[0].numel()) ** 0.5  # so that what goes in comes out as large
            low, high = -reach, reach
        else:
            low, high = (0.8, 1.2) if name.endswith(("weight", "var")) else (-0.2, 0.2)
        tensor.copy_(torch.from_numpy(numbers.uniform(low, high, tuple(tensor.shape))))
    return network.eval()


def image(size: int) -> torch.Tensor:
    """A portrait, (1, 3, size, size)."""
    step = 512 // size
    portrait = skimage.data.astronaut()[::step, ::step][:size, :size].copy()
    return (torch.from_numpy(portrait).permute(2, 0, 1)[None] - 127.5) / 128
