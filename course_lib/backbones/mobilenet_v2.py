"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381, Table 2): for faces below one megabyte, as Kumar et al. use it,
and at 112x112, as the MobileFaceNet paper measures it."""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.backbones.blocks import (
    ConvUnit,
    GlobalDepthwiseConv,
    check_at_least_one,
    check_choice,
    check_images,
    check_input_size,
    check_positive,
    global_average_pool,
    inverted_bottlenecks,
    rounded_to_eight,
    size_after,
)
from course_lib.backbones.registry import Entry, Paper

# The paper's Table 2 between the first convolution and the last.
BOTTLENECKS = (
    # t, c, n, s
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM_CHANNELS = 32
LAST_CHANNELS = 1280
HEADS = ("gap", "gdconv")


class MobileNetV2(nn.Module):
    """MobileNetV2: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        width: multiplies all channels, rounded to multiples of 8; below 1 the last convolution keeps its own.
        last_channels: of the last convolution, 1280 in the paper.
        head: ``"gap"``, average pooling, as in the paper; or ``"gdconv"``, a global depthwise convolution.
        embedding_dim: D, of a fully connected layer. None takes the pooled channels as they are: 1280.
        input_size: (height, width) in pixels, or one number for a square.
        stem_stride: 2 in the paper; 1 for faces of 112x112, so that the last map is 7x7 like that of 224x224.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        last_channels: int = LAST_CHANNELS,
        head: str = "gap",
        embedding_dim: int | None = 128,
        input_size: int | tuple[int, int] = (224, 224),
        stem_stride: int = 2,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_positive(width=width)
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels, last_channels=last_channels)
        check_choice(head=(head, HEADS), stem_stride=(stem_stride, (1, 2)))
        total_stride = 16 * stem_stride
        self.input_size = check_input_size(input_size, minimum=total_stride)
        self.in_channels = in_channels

        def scaled(channels: int) -> int:
            return rounded_to_eight(width * channels)

        stem, last = scaled(STEM_CHANNELS), rounded_to_eight(max(1.0, width) * last_channels)
        self.stem = ConvUnit(in_channels, stem, 3, stride=stem_stride, activation="relu6")
        # Where t is 1 the paper's block has nothing to expand and starts with the depthwise convolution.
        self.body = inverted_bottlenecks(stem, BOTTLENECKS, scaled=scaled, activation="relu6", always_expand=False)
        self.last = ConvUnit(scaled(BOTTLENECKS[-1][1]), last, 1, activation="relu6")
        if head == "gap":
            self.pool = global_average_pool()
        else:
            self.pool = nn.Sequential(
                GlobalDepthwiseConv(last, size_after(self.input_size, total_stride)), nn.Flatten()
            )
        self.embedding_dim = embedding_dim or last
        self.projection = nn.Identity() if embedding_dim is None else nn.Linear(last, embedding_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 32, H/stem_stride, W/stem_stride)
        x = self.body(x)  # (N, 320, H/16/stem_stride, W/16/stem_stride)
        x = self.last(x)  # (N, 1280, the same)
        x = self.pool(x)  # (N, 1280)
        return self.projection(x)  # (N, D)


PAPER = Paper("Sandler et al.", 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", "arXiv 1801.04381")
MEMORY_OPTIMIZED = Paper("Kumar et al.", None, "Memory Optimized Deep Learning based Face Recognition")
KUMAR_ROW = "Table 1: 1 MB, 128 numbers; LFW 86.32 % with softmax, 88.10 % with center loss, trained on VGGFace2."
FACE = {"input_size": (112, 112), "stem_stride": 1, "embedding_dim": None}
FACE_DIFFERS = (
    "From Sandler et al.: the first convolution has stride 1, because faces are 112x112 where ImageNet's pictures are "
    "224x224, and the 1280 pooled channels are the embedding. Chen et al. do the same. "
)

NETWORKS = {
    "mobilenet_v2": Entry(
        network=MobileNetV2,
        title="MobileNetV2 with an embedding of 128 numbers",
        paper=MEMORY_OPTIMIZED,
        table_row=KUMAR_ROW,
        differs="The paper says MobileNetV2 and 1 MB, but not how: at full width, built here, it takes 9.7 MB. It fits "
        "into 1 MB in 8 bits at width=0.5 (851,648 parameters), or in 32 bits as mobilenet_v2_under_1mb.",
        small={"width": 0.25, "last_channels": 64, "input_size": 64},
    ),
    "mobilenet_v2_under_1mb": Entry(
        network=MobileNetV2,
        options={"width": 0.25, "last_channels": 320},
        title="MobileNetV2 with an embedding of 128 numbers, in 0.84 MB of 32-bit floats",
        paper=MEMORY_OPTIMIZED,
        table_row=KUMAR_ROW,
        differs="The paper does not say how it comes to 1 MB. Here a quarter of the width and 320 channels in the last "
        "convolution, where MobileNetV2 has 1280 at every width, leave 200,480 parameters.",
        small={"last_channels": 64, "input_size": 64},
    ),
    "mobilenet_v2_face": Entry(
        network=MobileNetV2,
        options=FACE,
        title="MobileNetV2 for faces of 112x112, a baseline of the MobileFaceNet paper",
        paper=PAPER,
        table_row="Chen et al. (2018), MobileFaceNets, Table 2: 2.1M parameters, 49 ms on a Snapdragon 820; "
        "LFW 98.58 %, AgeDB-30 88.81 %, trained on CASIA-WebFace with ArcFace.",
        differs=FACE_DIFFERS + "Their 2.1M is below the 2,223,872 of the table's network.",
        small={"width": 0.25, "last_channels": 64, "input_size": 32},
    ),
    "mobilenet_v2_face_gdconv": Entry(
        network=MobileNetV2,
        options={**FACE, "head": "gdconv"},
        title="MobileNetV2 for faces with a global depthwise convolution in place of average pooling",
        paper=PAPER,
        table_row="Chen et al. (2018), MobileFaceNets, Table 2: 2.1M parameters, 50 ms on a Snapdragon 820; "
        "LFW 98.88 %, AgeDB-30 90.67 %: 0.30 and 1.86 points more than with average pooling.",
        differs=FACE_DIFFERS + "Their 2.1M is below the 2,289,152 that it has.",
        small={"width": 0.25, "last_channels": 64, "input_size": 32},
    ),
}
