"""MobileNetV1 (Howard et al. 2017, arXiv 1704.04861, Table 1), as the MobileFaceNet paper measures it on faces."""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.backbones.blocks import (
    ConvUnit,
    SeparableConv,
    check_at_least_one,
    check_choice,
    check_images,
    check_input_size,
    check_positive,
    global_average_pool,
    scaled_by,
)
from course_lib.backbones.registry import Entry, Paper

# The paper's Table 1 after the first convolution: output channels and stride of each depthwise-separable pair.
SEPARABLE = (
    # c, s
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
STEM_CHANNELS = 32


class MobileNetV1(nn.Module):
    """MobileNetV1: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        width: multiplies all channels, rounded.
        embedding_dim: D. None takes the pooled channels as they are: 1024 at width 1; a number adds a fully connected
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
        width: float = 1.0,
        embedding_dim: int | None = None,
        input_size: int | tuple[int, int] = (112, 112),
        stem_stride: int = 1,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_positive(width=width)
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels)
        check_choice(stem_stride=(stem_stride, (1, 2)))
        self.input_size = check_input_size(input_size, minimum=16 * stem_stride)
        self.in_channels = in_channels
        scaled = scaled_by(width)
        channels = scaled(STEM_CHANNELS)
        self.stem = ConvUnit(in_channels, channels, 3, stride=stem_stride, activation="relu")
        self.body = nn.Sequential()
        for c, s in SEPARABLE:
            self.body.append(SeparableConv(channels, scaled(c), stride=s))
            channels = scaled(c)
        self.pool = global_average_pool()
        self.embedding_dim = embedding_dim or channels
        self.projection = nn.Identity() if embedding_dim is None else nn.Linear(channels, embedding_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 32, H/stem_stride, W/stem_stride)
        x = self.body(x)  # (N, 1024, H/16/stem_stride, W/16/stem_stride)
        x = self.pool(x)  # (N, 1024)
        return self.projection(x)  # (N, D)


PAPER = Paper(
    "Howard et al.",
    2017,
    "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    "arXiv 1704.04861",
)

NETWORKS = {
    "mobilenet_v1": Entry(
        network=MobileNetV1,
        title="MobileNetV1 for faces, a baseline of the MobileFaceNet paper",
        paper=PAPER,
        table_row="Chen et al. (2018), MobileFaceNets, Table 2: 3.2M parameters, 60 ms on a Snapdragon 820; "
        "LFW 98.63 %, AgeDB-30 88.95 %, trained on CASIA-WebFace with ArcFace.",
        differs="From Howard et al.: the first convolution has stride 1, because faces are 112x112 where ImageNet's "
        "pictures are 224x224, and the 1024 pooled channels are the embedding. Chen et al. do the same.",
        small={"width": 0.25, "input_size": 32},
    ),
}
