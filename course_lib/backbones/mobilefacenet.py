"""MobileFaceNet: a face embedder of one million parameters (Chen et al. 2018, arXiv 1804.07573, Table 1)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from course_lib.backbones.blocks import ConvUnit, GlobalDepthwiseConv, InvertedBottleneck, check_images

# The paper's Table 1 between the stem and the head, one row per line.
# t: expansion of the block's input, c: output channels, n: repeats, s: stride of the first repeat.
BOTTLENECKS = (
    # t, c, n, s
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)
STEM_CHANNELS = 64
HEAD_CHANNELS = 512


class MobileFaceNet(nn.Module):
    """MobileFaceNet: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        width: multiplies the channels of the stem and the bottlenecks, rounded; the head's 512 stay, as the tables that
            publish wider variants count them.
        embedding_dim: D, 128 in the paper's Table 1.
        input_size: (height, width) in pixels, or one number for a square. The network halves it four times, rounding
            up, and the global depthwise convolution takes whatever is left: 7x7 for 112x112, 7x6 for 112x96.
        activation: ``"prelu"`` as in the paper, or its ``"relu"`` variant (Table 3).
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        embedding_dim: int = 128,
        input_size: int | tuple[int, int] = (112, 112),
        activation: str = "prelu",
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.input_size = (input_size, input_size) if isinstance(input_size, int) else tuple(input_size)
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        _check_options(width, embedding_dim, self.input_size, in_channels)

        def scaled(channels: int) -> int:
            return max(1, round(width * channels))

        stem = scaled(STEM_CHANNELS)
        self.stem = nn.Sequential(
            ConvUnit(in_channels, stem, 3, stride=2, activation=activation),
            ConvUnit(stem, stem, 3, groups=stem, activation=activation),
        )
        self.body = nn.Sequential()
        channels = stem
        for t, c, n, s in BOTTLENECKS:
            for repeat in range(n):
                stride = s if repeat == 0 else 1
                self.body.append(
                    InvertedBottleneck(channels, scaled(c), expansion=t, stride=stride, activation=activation)
                )
                channels = scaled(c)
        final_map = tuple(math.ceil(side / 16) for side in self.input_size)
        self.head = nn.Sequential(
            ConvUnit(channels, HEAD_CHANNELS, 1, activation=activation),
            GlobalDepthwiseConv(HEAD_CHANNELS, final_map),
            ConvUnit(HEAD_CHANNELS, embedding_dim, 1, activation="linear"),
            nn.Flatten(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 64, H/2, W/2)
        x = self.body(x)  # (N, 128, H/16, W/16)
        return self.head(x)  # (N, D)


def _check_options(width: float, embedding_dim: int, input_size: tuple[int, ...], in_channels: int) -> None:
    if not (math.isfinite(width) and width > 0):
        raise ValueError(f"width is {width}; expected a positive number such as 0.5")
    if embedding_dim < 1 or in_channels < 1:
        raise ValueError(f"embedding_dim {embedding_dim} and in_channels {in_channels} must both be at least 1")
    if len(input_size) != 2 or min(input_size) < 16:
        raise ValueError(f"input_size is {input_size}; expected (height, width) of at least 16 pixels each")
