"""ShuffleNet v1 (Zhang et al. 2018, arXiv 1707.01083, Table 1), as the MobileFaceNet paper measures it on faces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.backbones.blocks import (
    ConvUnit,
    check_at_least_one,
    check_choice,
    check_images,
    check_input_size,
    check_positive,
    global_average_pool,
)
from course_lib.backbones.registry import Entry, Paper

# The paper's Table 1: repeats of each stage, whose first unit has stride 2, and its channels by the number of groups.
REPEATS = (4, 8, 4)
CHANNELS = {1: (144, 288, 576), 2: (200, 400, 800), 3: (240, 480, 960), 4: (272, 544, 1088), 8: (384, 768, 1536)}
STEM_CHANNELS = 24


class ChannelShuffle(nn.Module):
    """Deal the channels of ``groups`` groups out like cards, so that the next grouped convolution sees every group.

    (N, C, H, W) -> (N, C, H, W). Source: section 3.1.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)


class ShuffleUnit(nn.Module):
    """Grouped 1x1 to a quarter of the channels, shuffle, depthwise 3x3, grouped 1x1; added to the input.

    (N, in, H, W) -> (N, out, H/stride, W/stride). With stride 2 the input is averaged and put beside the result instead
    of added. Source: section 3.2, Figure 2 (b) and (c).
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, groups: int, first_groups: int) -> None:
        super().__init__()
        hidden = out_channels // 4
        # Beside the averaged input, only the missing channels are computed.
        computed = out_channels - in_channels if stride == 2 else out_channels
        self.stride = stride
        self.residual = nn.Sequential(
            ConvUnit(in_channels, hidden, 1, groups=first_groups, activation="relu"),
            ChannelShuffle(groups),
            ConvUnit(hidden, hidden, 3, stride=stride, groups=hidden, activation="linear"),
            ConvUnit(hidden, computed, 1, groups=groups, activation="linear"),
        )
        self.shortcut = nn.AvgPool2d(3, 2, padding=1) if stride == 2 else nn.Identity()
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        shortcut, residual = self.shortcut(x), self.residual(x)
        return self.activation(torch.cat((shortcut, residual), 1) if self.stride == 2 else shortcut + residual)


class ShuffleNet(nn.Module):
    """ShuffleNet v1: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        groups: of the 1x1 convolutions: 1, 2, 3, 4 or 8; the paper's table gives the channels for each.
        width: multiplies the stages' channels, rounded to what the groups divide.
        embedding_dim: D. None takes the pooled channels as they are: 960 for 3 groups; a number adds a fully connected
            layer.
        input_size: (height, width) in pixels, or one number for a square.
        stem_stride: 2 in the original; 1 for faces of 112x112, so that the last map is 7x7 like that of 224x224.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        groups: int = 3,
        width: float = 1.0,
        embedding_dim: int | None = None,
        input_size: int | tuple[int, int] = (112, 112),
        stem_stride: int = 1,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_positive(width=width)
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels)
        check_choice(stem_stride=(stem_stride, (1, 2)), groups=(groups, CHANNELS))
        self.input_size = check_input_size(input_size, minimum=16 * stem_stride)
        self.in_channels = in_channels
        self.stem = nn.Sequential(
            ConvUnit(in_channels, STEM_CHANNELS, 3, stride=stem_stride, activation="relu"),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.body = _stages(groups, width)
        channels = _scaled(CHANNELS[groups][-1], width, groups)
        self.pool = global_average_pool()
        self.embedding_dim = embedding_dim or channels
        self.projection = nn.Identity() if embedding_dim is None else nn.Linear(channels, embedding_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 24, H/2/stem_stride, W/2/stem_stride)
        x = self.body(x)  # (N, 960, H/16/stem_stride, W/16/stem_stride)
        x = self.pool(x)  # (N, 960)
        return self.projection(x)  # (N, D)


def _scaled(channels: int, width: float, groups: int) -> int:
    """``width * channels``, rounded to what the groups of a unit and of its quarter divide."""
    multiple = 4 * groups
    return multiple * round(width * channels / multiple)


def _stages(groups: int, width: float) -> nn.Sequential:
    """The table's three stages: (N, 24, H, W) -> (N, 960, H/8, W/8)."""
    units = nn.Sequential()
    channels = STEM_CHANNELS
    for table_channels, repeats in zip(CHANNELS[groups], REPEATS, strict=True):
        out_channels = _scaled(table_channels, width, groups)
        if out_channels <= channels:
            raise ValueError(
                f"width is {width}: it leaves {out_channels} channels where the stage's input has {channels} already; "
                "give a larger one"
            )
        for repeat in range(repeats):
            # The paper leaves the stem's few channels in one group.
            first_groups = groups if units else 1
            stride = 2 if repeat == 0 else 1
            units.append(ShuffleUnit(channels, out_channels, stride=stride, groups=groups, first_groups=first_groups))
            channels = out_channels
    return units


PAPER = Paper(
    "Zhang et al.",
    2018,
    "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
    "arXiv 1707.01083",
)

NETWORKS = {
    "shufflenet": Entry(
        network=ShuffleNet,
        title="ShuffleNet v1, 1x with 3 groups, for faces, a baseline of the MobileFaceNet paper",
        paper=PAPER,
        table_row="Chen et al. (2018), MobileFaceNets, Table 2: 0.83M parameters, 27 ms on a Snapdragon 820; "
        "LFW 98.70 %, AgeDB-30 89.27 %, trained on CASIA-WebFace with ArcFace.",
        differs="From Zhang et al.: the first convolution has stride 1, because faces are 112x112 where ImageNet's "
        "pictures are 224x224, and the 960 pooled channels are the embedding. Chen et al. do the same; built to the "
        "table it has 904,728 parameters, between the 0.83M of their last version and the 1.1M of an earlier one.",
        small={"width": 0.25, "input_size": 32},
    ),
}
