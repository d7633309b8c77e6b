"""The residual networks of ArcFace, LResNet-IR, also with squeeze and excitation (Deng et al. 2019, arXiv 1801.07698,
section 3.2.2 of version 1)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from course_lib.backbones.blocks import (
    PReLU,
    check_at_least_one,
    check_images,
    check_input_size,
    global_average_pool,
    size_after,
)
from course_lib.backbones.registry import Entry, Paper
from course_lib.pointwise import PointwiseConv

# Improved residual units at 56x56, 28x28, 14x14 and 7x7; two convolutions each, so that with the first convolution
# and the last layer 2 * (3 + 13 + 30 + 3) + 2 = 100.
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
WIDTHS = (64, 128, 256, 512)


class IResNet(nn.Module):
    """LResNet-IR: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        blocks: units of each stage; every stage halves the resolution, rounding up.
        widths: channels of each stage; the first convolution has those of the first.
        squeeze: squeeze and excitation in every unit, through a ``squeeze``-th of the channels; None for none.
        embedding_dim: D.
        input_size: (height, width) in pixels, or one number for a square.
        dropout: probability that training drops a number before the last layer.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        blocks: tuple[int, ...] = BLOCKS[100],
        widths: tuple[int, ...] = WIDTHS,
        squeeze: int | None = None,
        embedding_dim: int = 512,
        input_size: int | tuple[int, int] = (112, 112),
        dropout: float = 0.4,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels, squeeze=squeeze)
        if len(blocks) != len(widths) or min((*blocks, *widths), default=0) < 1:
            raise ValueError(f"blocks {blocks} and widths {widths} must be of one length, all at least 1")
        if squeeze is not None and squeeze > widths[0]:
            raise ValueError(f"squeeze {squeeze} leaves none of the {widths[0]} channels of the first stage")
        self.input_size = check_input_size(input_size, 2 ** len(blocks))
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        channels = widths[0]
        # The L of the name: stride 1, where other residual networks begin by dividing the resolution by four.
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), PReLU(channels)
        )
        self.stages = nn.Sequential()
        for repeats, width in zip(blocks, widths, strict=True):
            stage = nn.Sequential(ImprovedResidual(channels, width, stride=2, squeeze=squeeze))
            stage.extend(ImprovedResidual(width, width, stride=1, squeeze=squeeze) for _ in range(repeats - 1))
            self.stages.append(stage)
            channels = width
        # The E of the name: of the output options A to E this one keeps the position of what was seen.
        self.head = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(channels * math.prod(size_after(self.input_size, 2 ** len(blocks))), embedding_dim),
            nn.BatchNorm1d(embedding_dim),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 64, H, W)
        x = self.stages(x)  # (N, 512, H/16, W/16)
        return self.head(x)  # (N, D)


class ImprovedResidual(nn.Module):
    """The IR unit: BN, 3x3, BN, PReLU, 3x3 with the stride, BN, and the input added.

    (N, in, H, W) -> (N, out, H/stride, W/stride). Where the shape changes, the input passes a 1x1 convolution and BN.
    Source: ArcFace (Deng et al. 2019), version 1, Figure 5 and section 3.2.2.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, squeeze: int | None = None) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            PReLU(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        if squeeze is not None:
            self.residual.append(SqueezeExcitation(out_channels, squeeze))
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut.append(PointwiseConv(in_channels, out_channels, stride=stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class SqueezeExcitation(nn.Module):
    """Weigh the channels by what all positions show: (N, C, H, W) stays that.

    Source: Hu et al. 2018, section 3; with PReLU, and without biases, as SE-LResNet100E-IR counts them.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = channels // reduction
        self.weights = nn.Sequential(
            global_average_pool(),  # (N, C)
            nn.Linear(channels, hidden, bias=False),
            PReLU(hidden),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x)[:, :, None, None]


PAPER = Paper(
    "Deng et al.",
    2019,
    "ArcFace: Additive Angular Margin Loss for Deep Face Recognition",
    "CVPR 2019, arXiv 1801.07698",
)
DIFFERS = (
    "Output option E is the paper's BN, dropout, layer, BN. All of the last BN is learned; the authors' code keeps its "
    "factors at 1. Initial weights are PyTorch's."
)
SMALL = {"blocks": (1, 1, 1, 1), "widths": (16, 16, 32, 32), "input_size": 32, "embedding_dim": 32}


def _entry(depth: int, table_row: str) -> Entry:
    return Entry(
        network=IResNet,
        title=f"LResNet{depth}E-IR: improved residual units, full resolution at the start, output option E",
        paper=PAPER,
        table_row=table_row,
        differs=DIFFERS,
        options={"blocks": BLOCKS[depth]},
        small=SMALL,
    )


NETWORKS = {
    "iresnet18": _entry(18, "none in the paper; 24.0M parameters in the authors' code"),
    "iresnet34": _entry(34, "LResNet34E-IR; 34.1M parameters in the authors' code"),
    "iresnet50": _entry(50, "LResNet50E-IR; 43.6M parameters in the authors' code"),
    "iresnet100": _entry(100, "LResNet100E-IR, 99.83 % on LFW; 65.2M parameters in the authors' code"),
    "se_lresnet100e_ir": Entry(
        network=IResNet,
        title="SE-LResNet100E-IR: LResNet100E-IR with squeeze and excitation in every unit",
        paper=Paper(
            "Lee et al.",
            2024,
            "Research on a Lightweight Deep Learning Model Suitable for Face Recognition for Mobile Devices",
            "Table 1",
        ),
        table_row="accuracy 99.85 % where MobileFaceNet has 99.68 %; parameters, operations and memory not compared",
        differs=f"{DIFFERS} Squeeze and excitation follows a unit's last BN, before the addition, with a reduction of "
        "16. The network has 65 times the parameters of MobileFaceNet (1,003,136) and 55 times its multiply-adds (12.1 "
        "billion against 221 million), to which Lee et al. prefer it for telephones, by accuracy alone.",
        options={"blocks": BLOCKS[100], "squeeze": 16},
        small={**SMALL, "squeeze": 4},
    ),
}
