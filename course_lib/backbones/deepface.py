"""DeepFace: eight layers, three of them locally connected, for faces turned to the front (Taigman et al. 2014, CVPR,
Figure 2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from course_lib.backbones.blocks import check_at_least_one, check_choice, check_images, check_input_size
from course_lib.backbones.locally_connected import LocallyConnected2d
from course_lib.backbones.registry import Entry, Paper

# The paper's Figure 2 between the image and the fully connected layers; nothing is padded.
LAYERS = (
    # name, kind, kernel, output channels, stride
    ("C1", "convolution", 11, 32, 1),
    ("M2", "max pooling", 3, 32, 2),
    ("C3", "convolution", 9, 16, 1),
    ("L4", "local", 9, 16, 1),
    ("L5", "local", 7, 16, 2),
    ("L6", "local", 5, 16, 1),
)
# What stands at L4, L5 and L6: weights shared by no position, or Basch et al.'s normalisation, which has none.
LOCAL_LAYERS = ("locally_connected", "response_norm")
# Channels that AlexNet normalises over (Krizhevsky et al. 2012, section 3.3); Basch et al. give no number.
RESPONSE_NORM_CHANNELS = 5
# At 72 pixels L6 sees a single window.
MINIMUM_SIZE = 72


class DeepFace(nn.Module):
    """DeepFace: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float, none below zero.

    ReLU follows every layer but the pooling. The classifier F8 is not part of it.

    Args:
        embedding_dim: D, the width of F7: 4096 in the paper.
        input_size: (height, width) in pixels, or one number for a square, of at least 72 each. The weights of the
            local layers belong to positions: a larger image has more of them.
        local: ``"locally_connected"`` as in the paper, or ``"response_norm"`` for what Basch et al. put there.
        dropout: probability that training drops a component of F7's output.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        embedding_dim: int = 4096,
        input_size: int | tuple[int, int] = (152, 152),
        local: str = "locally_connected",
        dropout: float = 0.5,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels)
        check_choice(local=(local, LOCAL_LAYERS))
        self.input_size = check_input_size(input_size, MINIMUM_SIZE)
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        self.body = nn.Sequential()
        channels, size = in_channels, self.input_size
        for name, kind, kernel, out_channels, stride in LAYERS:
            if kind == "max pooling":
                # A window that runs over the edge counts what is there: 142 -> 71, the paper's size.
                self.body.add_module(name, nn.MaxPool2d(kernel, stride, ceil_mode=True))
                size = tuple(math.ceil((side - kernel) / stride) + 1 for side in size)
                continue
            if kind == "local" and local == "response_norm":
                layer = LocalResponseNorm(RESPONSE_NORM_CHANNELS)  # the shape stays
            else:
                if kind == "local":
                    layer = LocallyConnected2d(channels, out_channels, kernel, size, stride=stride)
                else:
                    layer = nn.Conv2d(channels, out_channels, kernel, stride)
                channels, size = out_channels, tuple((side - kernel) // stride + 1 for side in size)
            self.body.add_module(name, layer)
            self.body.add_module(f"{name}_relu", nn.ReLU())
        self.F7 = nn.Linear(channels * math.prod(size), embedding_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.body(images)  # (N, 16, 21, 21) from 152x152
        return self.dropout(torch.relu(self.F7(x.flatten(1))))  # (N, D)


class LocalResponseNorm(nn.LocalResponseNorm):
    """PyTorch's, (N, C, H, W) stays that, also for bfloat16, which its own operation does not take on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(torch.promote_types(x.dtype, torch.float32))).to(x.dtype)


PAPER = Paper(
    "Taigman et al.",
    2014,
    "DeepFace: Closing the Gap to Human-Level Performance in Face Verification",
    "CVPR 2014, Figure 2",
)
MINIMAL_RESOURCES = Paper("Basch et al.", None, "Face Recognition in Deep Learning with Minimal Resources", "Table 1")

NETWORKS = {
    "deepface": Entry(
        network=DeepFace,
        title="DeepFace, with three layers whose weights are shared by no position",
        paper=PAPER,
        table_row="more than 120 million parameters, over 95 % of them in the local and fully connected layers; "
        "97.35 % on LFW as an ensemble",
        differs="The network is the paper's: 118,923,774 parameters with its classifier F8 of 4,030 people, which is "
        "left to the loss here, 102,412,864 without it. The images are not turned to the front in 3-D; features are "
        "not divided by their largest value over the training set. Initial weights are PyTorch's; the paper draws "
        "them from N(0, 0.01) with biases of 0.5.",
        small={"input_size": 72, "embedding_dim": 32},
    ),
    "deepface_lrn": Entry(
        network=DeepFace,
        title="DeepFace with local response normalisation where the locally connected layers belong: a mistake, kept",
        paper=MINIMAL_RESOURCES,
        table_row="127M parameters without and 157M with the classifier",
        differs="It is built to show what that exchange does. Local response normalisation divides each value by a sum "
        "over the neighbouring channels at its own position: it has no weights, looks at no neighbouring position, and "
        "does not shrink the map. So F7 reads 63x63x16 numbers in place of 21x21x16, and of the 260,169,616 parameters "
        "all but 53,136 are F7's. The printed 127M fits neither this nor DeepFace at 152x152 (102.4M). The number "
        "of channels normalised over is AlexNet's 5: none is given.",
        options={"local": "response_norm"},
        small={"input_size": 72, "embedding_dim": 32},
    ),
}
