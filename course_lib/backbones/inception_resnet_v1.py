"""Inception-ResNet-v1, the network of FaceNet's public weights (Szegedy et al. 2017, AAAI, Figures 7 and 10 to 15)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.backbones.blocks import check_at_least_one, check_images, check_input_size, global_average_pool
from course_lib.backbones.registry import Entry, Paper

# Figure 14. A convolution is (channels, kernel, stride, padding).
STEM = (
    (32, 3, 2, 0),
    (32, 3, 1, 0),
    (64, 3, 1, 1),
    "max pooling",
    (80, 1, 1, 0),
    (192, 3, 1, 0),
    (256, 3, 2, 0),
)
# Figures 10, 11 and 13. A block is its branches, a branch its convolutions, padded to keep the size.
# channels, kernel
BLOCK_35 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3)))
BLOCK_17 = (((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1))))
BLOCK_8 = (((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1))))
# Figures 7 and 12. The last convolution of a branch has stride 2 and no padding; max pooling is one branch more.
REDUCTION_17 = (((384, 3),), ((192, 1), (192, 3), (256, 3)))
REDUCTION_8 = (((256, 1), (384, 3)), ((256, 1), (256, 3)), ((256, 1), (256, 3), (256, 3)))
MINIMUM_SIZE = 75  # the last map is a single position


class InceptionResNetV1(nn.Module):
    """Inception-ResNet-v1: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        embedding_dim: D, 512 in the public weights.
        input_size: (height, width) in pixels, or one number for a square, of at least 75 each.
        repeats: how many blocks stand at each of the three resolutions, before the last one, which has no ReLU.
        dropout: probability that training drops one of the 1792 numbers before the last layer.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        embedding_dim: int = 512,
        input_size: int | tuple[int, int] = (160, 160),
        repeats: tuple[int, int, int] = (5, 10, 5),
        dropout: float = 0.6,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels)
        if len(repeats) != 3 or min(repeats) < 0:
            raise ValueError(f"repeats is {repeats}; expected three numbers of at least 0")
        self.input_size = check_input_size(input_size, MINIMUM_SIZE)
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        self.stem = nn.Sequential()
        channels = in_channels
        for row in STEM:
            if row == "max pooling":
                self.stem.append(nn.MaxPool2d(3, 2))
            else:
                self.stem.append(_conv(channels, *row))
                channels = row[0]
        blocks_35, blocks_17, blocks_8 = repeats
        self.blocks_35 = nn.Sequential(*(_Residual(256, BLOCK_35, 0.17) for _ in range(blocks_35)))
        self.reduction_17 = _Reduction(256, REDUCTION_17)
        self.blocks_17 = nn.Sequential(*(_Residual(896, BLOCK_17, 0.10) for _ in range(blocks_17)))
        self.reduction_8 = _Reduction(896, REDUCTION_8)
        self.blocks_8 = nn.Sequential(*(_Residual(1792, BLOCK_8, 0.20) for _ in range(blocks_8)))
        self.last_block = _Residual(1792, BLOCK_8, 1.0, activation=nn.Identity())
        self.head = nn.Sequential(
            global_average_pool(),
            nn.Dropout(dropout),
            nn.Linear(1792, embedding_dim, bias=False),
            nn.BatchNorm1d(embedding_dim, eps=1e-3),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.blocks_35(self.stem(images))  # (N, 256, 17, 17) from 160x160
        x = self.blocks_17(self.reduction_17(x))  # (N, 896, 8, 8)
        x = self.blocks_8(self.reduction_8(x))  # (N, 1792, 3, 3)
        return self.head(self.last_block(x))  # (N, D)


Kernel = int | tuple[int, int]
Branch = tuple[tuple[int, Kernel], ...]


class _Residual(nn.Module):
    """Branches side by side, joined by a 1x1 convolution, scaled, and added: (N, channels, H, W) stays that.

    The scale keeps what many blocks add from growing without bound (section 3.3).
    """

    def __init__(
        self, channels: int, branches: tuple[Branch, ...], scale: float, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_branch(channels, branch) for branch in branches)
        self.join = nn.Conv2d(sum(branch[-1][0] for branch in branches), channels, 1)
        self.scale = scale
        self.activation = nn.ReLU() if activation is None else activation

    def forward(self, x: Tensor) -> Tensor:
        joined = self.join(torch.cat([branch(x) for branch in self.branches], 1))
        return self.activation(x + self.scale * joined)


class _Reduction(nn.Module):
    """Branches that halve the resolution, and max pooling, all kept: (N, C, H, W) -> (N, C + theirs, H / 2, W / 2)."""

    def __init__(self, channels: int, branches: tuple[Branch, ...]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_branch(channels, branch, last_stride=2) for branch in branches)
        self.branches.append(nn.MaxPool2d(3, 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def _branch(channels: int, rows: Branch, last_stride: int = 1) -> nn.Sequential:
    layers = nn.Sequential()
    for number, (out_channels, kernel) in enumerate(rows, start=1):
        stride = last_stride if number == len(rows) else 1
        layers.append(_conv(channels, out_channels, kernel, stride, "same" if stride == 1 else 0))
        channels = out_channels
    return layers


def _conv(in_channels: int, out_channels: int, kernel: Kernel, stride: int, padding: int | str) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(out_channels, eps=1e-3),  # the eps that the public weights were trained with
        nn.ReLU(),
    )


PAPER = Paper(
    "Szegedy et al.",
    2017,
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    "AAAI 2017, arXiv 1602.07261, Figures 7 and 10 to 15",
)

NETWORKS = {
    "inception_resnet_v1": Entry(
        network=InceptionResNetV1,
        title="Inception-ResNet-v1: Inception branches as residuals, at 160x160",
        paper=PAPER,
        table_row="computational cost of Inception v3; 21.3 % top-1 error on ImageNet at 299x299",
        differs="As FaceNet's public weights have it: 160x160, a layer of 512 with batch norm after the pooling, and "
        "scales of 0.17, 0.10 and 0.20; 27,910,327 parameters with a classifier of 8,631 people. Embeddings are "
        "not normalised. Basch et al. write of an Inception ResNet v3, which does not exist: this network is nearest "
        "to the name, and the 27M of their table are those of Inception v3.",
        small={"input_size": 75, "repeats": (1, 1, 1)},
    ),
}
