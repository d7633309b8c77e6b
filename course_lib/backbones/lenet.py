"""LeNet++: the digit network of the center loss paper (Wen et al. 2016, Table 1), which ends in features one can
draw."""

from __future__ import annotations

import math

from torch import Tensor, nn

from course_lib.backbones.blocks import PReLU, check_images
from course_lib.backbones.registry import Entry, Paper

# Channels of the three stages; each is two 5x5 convolutions with PReLU, then 2x2 max pooling.
STAGES = (32, 64, 128)
INPUT_SIZE = (28, 28)


class LeNetPlusPlus(nn.Module):
    """LeNet++: images (N, in_channels, 28, 28) float -> features (N, feature_dim) float.

    Args:
        feature_dim: 2 in the paper, so that the features can be plotted as they are.
        width: multiplies the channels; 1 is the paper's network, 0.5 trains about four times as fast.
        batch_norm: put batch norm after each convolution. The paper has none and needs more epochs without it.
        in_channels: 1 for grey digits.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self, *, feature_dim: int = 2, width: float = 1.0, batch_norm: bool = False, in_channels: int = 1
    ) -> None:
        super().__init__()
        if feature_dim < 1 or in_channels < 1:
            raise ValueError(f"feature_dim {feature_dim} and in_channels {in_channels} must both be at least 1")
        if not (math.isfinite(width) and width > 0):
            raise ValueError(f"width is {width}; expected a positive number such as 0.5")
        self.in_channels = in_channels
        self.input_size = INPUT_SIZE
        self.embedding_dim = feature_dim
        self.body = nn.Sequential()
        channels = in_channels
        for stage in STAGES:
            out_channels = max(1, round(width * stage))
            for _ in range(2):
                self.body.append(nn.Conv2d(channels, out_channels, 5, padding=2, bias=not batch_norm))
                if batch_norm:
                    self.body.append(nn.BatchNorm2d(out_channels))
                self.body.append(PReLU(out_channels))
                channels = out_channels
            self.body.append(nn.MaxPool2d(2))
        self.features = nn.Linear(channels * 3 * 3, feature_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, in_channels, 28, 28) float to features (N, feature_dim) float."""
        check_images(images, self.in_channels, INPUT_SIZE)
        x = self.body(images)  # (N, 128, 3, 3)
        return self.features(x.flatten(1))  # (N, feature_dim)


NETWORKS = {
    "lenet_plus_plus": Entry(
        network=LeNetPlusPlus,
        title="the digit network of center loss; it ends in two features that can be plotted as they are",
        paper=Paper(
            "Wen et al.", 2016, "A Discriminative Feature Learning Approach for Deep Face Recognition", "ECCV 2016"
        ),
        table_row="Table 1: six 5x5 convolutions with 32, 32, 64, 64, 128, 128 channels, then 2 features; no counts.",
        differs="Nothing by default. batch_norm=True adds batch norm, with which few epochs are enough.",
        small={"width": 0.25},
    ),
}
