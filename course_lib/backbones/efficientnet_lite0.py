"""EfficientNet-Lite0: EfficientNet-B0 (Tan and Le 2019, arXiv 1905.11946, Table 1) as TensorFlow's repository made it
fit for telephones; the backbone whose ImageNet weights arrive with the installation."""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.backbones.blocks import (
    TensorFlowConvUnit,
    check_at_least_one,
    check_images,
    check_input_size,
    check_positive,
    global_average_pool,
    inverted_bottlenecks,
    rounded_to_eight,
)
from course_lib.backbones.registry import Entry, Paper

# The paper's Table 1 between the first convolution and the last.
BOTTLENECKS = (
    # t, c, n, s, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM_CHANNELS = 32
LAST_CHANNELS = 1280
TOTAL_STRIDE = 32


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0: images (N, in_channels, H, W) float -> embeddings (N, 1280) float, the pooled channels.

    Args:
        width: multiplies the bottlenecks' channels, rounded to multiples of 8; the first and the last convolution keep
            theirs, as in the larger Lite networks.
        input_size: (height, width) in pixels, or one number for a square.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self, *, width: float = 1.0, input_size: int | tuple[int, int] = (224, 224), in_channels: int = 3
    ) -> None:
        super().__init__()
        check_positive(width=width)
        check_at_least_one(in_channels=in_channels)
        self.input_size = check_input_size(input_size, minimum=TOTAL_STRIDE)
        self.in_channels = in_channels
        self.embedding_dim = LAST_CHANNELS

        def scaled(channels: int) -> int:
            return rounded_to_eight(width * channels)

        self.stem = TensorFlowConvUnit(in_channels, STEM_CHANNELS, 3, stride=2)
        # Where t is 1 the block has nothing to expand and starts with the depthwise convolution.
        options = {"scaled": scaled, "activation": "relu6", "always_expand": False, "unit": TensorFlowConvUnit}
        self.body, channels = nn.Sequential(), STEM_CHANNELS
        for t, c, n, s, kernel in BOTTLENECKS:
            self.body.extend(inverted_bottlenecks(channels, [(t, c, n, s)], kernel=kernel, **options))
            channels = scaled(c)
        self.last = TensorFlowConvUnit(channels, LAST_CHANNELS, 1)
        self.pool = global_average_pool()

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, 1280) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 32, H/2, W/2)
        x = self.body(x)  # (N, 320, H/32, W/32)
        x = self.last(x)  # (N, 1280, H/32, W/32)
        return self.pool(x)  # (N, 1280)


NETWORKS = {
    "efficientnet_lite0": Entry(
        network=EfficientNetLite0,
        title="EfficientNet-Lite0, with ImageNet weights the source of transfer learning",
        paper=Paper(
            "Tan and Le",
            2019,
            "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
            "arXiv 1905.11946",
        ),
        table_row="Table 2 has EfficientNet-B0 only: 5.3M parameters, 0.39B multiply-adds, ImageNet top-1 77.1 %. "
        "The Lite variant is TensorFlow's own (github.com/tensorflow/tpu, efficientnet/lite), in no paper: 4.7M "
        "parameters, 407M multiply-adds, top-1 75.1 %, in int8 74.4 %; 12 ms on a Pixel 4.",
        differs="Lite leaves B0's squeeze-and-excite out and takes ReLU6 for swish, both to suit 8 bits. It is built "
        "as there, with TensorFlow's padding and batch norm's epsilon of 1e-3, but without dropout and the classifier "
        "of 1,281,000 parameters that 4.7M includes: the embedding is what they get. No residual branch is dropped "
        "in training, and batch norm's statistics move by PyTorch's 0.1 a step, not by TensorFlow's 0.01. With the "
        "classifier the layers have 385M multiply-adds; what the 407M count beside them is not said.",
        small={"width": 0.25, "input_size": 64},
    ),
}
