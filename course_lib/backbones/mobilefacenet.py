"""MobileFaceNet: a face embedder of one million parameters (Chen et al. 2018, arXiv 1804.07573, Table 1), its variants,
and the two networks that "MMobileFaceNet" can mean."""

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
    inverted_bottlenecks,
    scaled_by,
    size_after,
)
from course_lib.backbones.registry import Entry, Paper

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
HEADS = ("full", "m", "s")


class MobileFaceNet(nn.Module):
    """MobileFaceNet: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        width: multiplies the channels of the stem and the bottlenecks, rounded; the head's 512 stay, as the tables that
            publish wider variants count them.
        expansion: multiplies every expansion t of the table.
        head: ``"full"`` as in Table 1; ``"m"`` without the last 1x1 convolution; ``"s"`` also without the 1x1
            convolution to 512, so that the global depthwise convolution takes the last bottleneck's channels.
        embedding_dim: D. None takes the paper's: 128, and 512 for head ``"m"``. Head ``"s"`` leaves no choice.
        input_size: (height, width) in pixels, or one number for a square. The network halves it four times, rounding
            up, and the global depthwise convolution takes whatever is left: 7x7 for 112x112, 7x6 for 112x96.
        activation: ``"prelu"`` as in the paper, or its ``"relu"`` variant.
        stem_groups: groups of the second convolution; None makes it depthwise, as in the paper.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        expansion: float = 1.0,
        head: str = "full",
        embedding_dim: int | None = None,
        input_size: int | tuple[int, int] = (112, 112),
        activation: str = "prelu",
        stem_groups: int | None = None,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_positive(width=width, expansion=expansion)
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels, stem_groups=stem_groups)
        check_choice(head=(head, HEADS))
        self.input_size = check_input_size(input_size, minimum=16)
        self.in_channels = in_channels
        scaled = scaled_by(width)
        stem = scaled(STEM_CHANNELS)
        groups = stem if stem_groups is None else stem_groups
        if stem % groups:
            raise ValueError(f"stem_groups {groups} does not divide the stem's {stem} channels")
        self.stem = nn.Sequential(
            ConvUnit(in_channels, stem, 3, stride=2, activation=activation),
            ConvUnit(stem, stem, 3, groups=groups, activation=activation),
        )
        rows = [(expansion * t, c, n, s) for t, c, n, s in BOTTLENECKS]
        self.body = inverted_bottlenecks(stem, rows, scaled=scaled, activation=activation)
        body_channels = scaled(BOTTLENECKS[-1][1])
        self.embedding_dim = _embedding_dim(head, embedding_dim, body_channels)
        self.head = _head(head, body_channels, self.embedding_dim, size_after(self.input_size, 16), activation)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 64, H/2, W/2)
        x = self.body(x)  # (N, 128, H/16, W/16)
        return self.head(x)  # (N, D)


def _embedding_dim(head: str, asked: int | None, body_channels: int) -> int:
    """What is asked for, or the paper's; head "s" ends in the channels of the body."""
    if head == "s" and asked not in (None, body_channels):
        raise ValueError(
            f"embedding_dim is {asked}, but head 's' ends in the last bottleneck's {body_channels} channels; "
            "leave embedding_dim out, change width, or take head 'full' or 'm'"
        )
    return asked or {"full": 128, "m": HEAD_CHANNELS, "s": body_channels}[head]


def _head(head: str, body_channels: int, dim: int, final_map: tuple[int, int], activation: str) -> nn.Sequential:
    """(N, body_channels, *final_map) -> (N, dim). Where no 1x1 convolution follows, the pooled channels are the D."""
    pooled = {"full": HEAD_CHANNELS, "m": dim, "s": body_channels}[head]
    layers = nn.Sequential()
    if head != "s":
        layers.append(ConvUnit(body_channels, pooled, 1, activation=activation))
    layers.append(GlobalDepthwiseConv(pooled, final_map))
    if head == "full":
        layers.append(ConvUnit(pooled, dim, 1, activation="linear"))
    return layers.append(nn.Flatten())


PAPER = Paper(
    "Chen et al.",
    2018,
    "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices",
    "arXiv 1804.07573",
)
IMPROVED = Paper("Hassanpour and Kowsari", 2023, "Lightweight Face Recognition: An Improved MobileFaceNet Model")
SMALL = {"width": 0.25, "input_size": 48}
CASIA = "trained on CASIA-WebFace with ArcFace"

NETWORKS = {
    "mobilefacenet": Entry(
        network=MobileFaceNet,
        title="MobileFaceNet, the paper's primary network",
        paper=PAPER,
        table_row="Table 2: 0.99M parameters, 221M multiply-adds, 24 ms on a Snapdragon 820; LFW 99.28 %, AgeDB-30 "
        f"93.05 %, {CASIA}. With input_size=(112, 96): 21 ms, 99.18 %, 92.96 %; with 96: 18 ms, 99.08 %, 92.63 %. With "
        "every expansion doubled: 1.1M, 27 ms, 99.10 %, 92.81 %.",
        differs="Nothing. The paper's 0.99M counts batch norm folded into one bias per channel. Its row of doubled "
        "expansions cannot be 1.1M parameters: expansion=2 makes 1,841,408.",
        small=SMALL,
    ),
    "mobilefacenet_m": Entry(
        network=MobileFaceNet,
        options={"head": "m"},
        title="MobileFaceNet-M: without the last 1x1 convolution, so the embedding has 512 numbers",
        paper=PAPER,
        table_row=f"Table 2: 0.92M parameters, 24 ms; LFW 99.18 %, AgeDB-30 92.67 %, {CASIA}.",
        differs="Nothing.",
        small=SMALL,
    ),
    "mobilefacenet_s": Entry(
        network=MobileFaceNet,
        options={"head": "s"},
        title="MobileFaceNet-S: the global depthwise convolution directly on the last bottleneck's 128 channels",
        paper=PAPER,
        table_row=f"Table 2: 0.84M parameters, 23 ms; LFW 99.00 %, AgeDB-30 92.48 %, {CASIA}.",
        differs="Nothing.",
        small=SMALL,
    ),
    "mobilefacenet_relu": Entry(
        network=MobileFaceNet,
        options={"activation": "relu"},
        title="MobileFaceNet with ReLU in place of PReLU",
        paper=PAPER,
        table_row=f"Table 2: 0.98M parameters, 23 ms; LFW 99.15 %, AgeDB-30 92.83 %, {CASIA}.",
        differs="Nothing.",
        small=SMALL,
    ),
    "mmobilefacenet_published": Entry(
        network=MobileFaceNet,
        options={"width": 2.0, "expansion": 0.5, "stem_groups": 64, "embedding_dim": 512},
        title="MMobileFaceNet as its published figures are: only the channels between bottlenecks doubled",
        paper=IMPROVED,
        table_row="Figure 3: 2.1M parameters, 8.4 MB, FLOPS 456.89; trained with SAM, LFW 99.52 %, AgeDB-30 95.77 %. "
        "Beside it MobileFaceNet: 1.1M, 4.4 MB, 236.75, LFW 99.55 %, AgeDB-30 95.57 %.",
        differs="Figure 2 doubles every channel number, which mmobilefacenet_as_written does, and takes 112x96 images "
        "to 128 numbers. The figures belong to another network, from 112x112 to 512: bottlenecks of 128 and 256 "
        "channels that keep their inner 128, 256 and 512, so the expansions t of 2, 4, 2, 4, 2 become 1, 2, 1, 2, 1; "
        "and a second convolution in 64 groups of two channels where the paper's is depthwise. It has 437.52M "
        "multiply-adds; counting also 4 operations per value of a batch norm and 1 of a PReLU gives 456.89M to the "
        "digit. InsightFace's MobileFaceNet is built like this at scale 2.",
        small={"width": 1.0, "stem_groups": 32, "input_size": 32},
    ),
    "mmobilefacenet_as_written": Entry(
        network=MobileFaceNet,
        options={"width": 2.0, "embedding_dim": 512},
        title="MMobileFaceNet as its Figure 2 says: the channels of stem and bottlenecks doubled, inside and out",
        paper=IMPROVED,
        table_row="Figure 3: 2.1M parameters, 8.4 MB, FLOPS 456.89: the figures of mmobilefacenet_published.",
        differs="A real doubling has 3,683,072 parameters and 846.66M multiply-adds, nearly twice what is published. "
        "The head's 512 channels stay, as in Figure 2. What has 2.1M parameters is width=1.45.",
        small=SMALL,
    ),
}
