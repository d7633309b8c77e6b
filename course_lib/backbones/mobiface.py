"""MobiFace: MobileFaceNet's blocks, wider and downsampled faster (Duong et al. 2019, arXiv 1811.11080, Table 1)."""

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
    scaled_by,
    size_after,
)
from course_lib.backbones.registry import Entry, Paper

# The paper's table between the stem and the last convolution; it names the inner widths, here t times a block's input.
BOTTLENECKS = (
    # t, c, n, s
    (2, 64, 1, 2),
    (2, 64, 2, 1),
    (4, 128, 1, 2),
    (2, 128, 3, 1),
    (4, 256, 1, 2),
    (2, 256, 6, 1),
)
STEM_CHANNELS = 64
LAST_CHANNELS = 512
HEADS = ("gap", "gdconv", "fc")


class MobiFace(nn.Module):
    """MobiFace: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        head: ``"fc"``, a fully connected layer on the flattened map, as the paper says; ``"gdconv"``, a global
            depthwise convolution, or ``"gap"``, average pooling, which leave the parameters near the paper's count.
        width: multiplies the channels of the stem and the bottlenecks, rounded; the last convolution keeps its own.
        embedding_dim: D, 512 in the paper. Without a fully connected layer it is what the last convolution puts out.
        input_size: (height, width) in pixels, or one number for a square; it is halved four times, rounding up.
        one_of_each: one block in every row of the table, and no shortcuts: the reduction of Basch et al.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        head: str = "fc",
        width: float = 1.0,
        embedding_dim: int = 512,
        input_size: int | tuple[int, int] = (112, 112),
        one_of_each: bool = False,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_choice(head=(head, HEADS))
        check_positive(width=width)
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels)
        self.input_size = check_input_size(input_size, minimum=16)
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        scaled = scaled_by(width)
        stem = scaled(STEM_CHANNELS)
        self.stem = nn.Sequential(ConvUnit(in_channels, stem, 3, stride=2), ConvUnit(stem, stem, 3, groups=stem))
        rows = [(t, c, 1 if one_of_each else n, s) for t, c, n, s in BOTTLENECKS]
        self.body = inverted_bottlenecks(stem, rows, scaled=scaled, shortcut=not one_of_each)
        last = LAST_CHANNELS if head == "fc" else embedding_dim
        self.last = ConvUnit(scaled(BOTTLENECKS[-1][1]), last, 1)
        self.head = _head(head, last, size_after(self.input_size, 16), embedding_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.stem(images)  # (N, 64, H/2, W/2)
        x = self.body(x)  # (N, 256, H/16, W/16)
        x = self.last(x)  # (N, 512, H/16, W/16)
        return self.head(x)  # (N, D)


def _head(head: str, channels: int, final_map: tuple[int, int], embedding_dim: int) -> nn.Module:
    """(N, channels, *final_map) -> (N, embedding_dim)."""
    if head == "gap":
        return global_average_pool()
    if head == "gdconv":
        return nn.Sequential(GlobalDepthwiseConv(channels, final_map), nn.Flatten())
    height, width = final_map
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, embedding_dim))


PAPER = Paper(
    "Duong et al.",
    2019,
    "MobiFace: A Lightweight Deep Learning Face Recognition on Mobile Devices",
    "BTAS 2019, arXiv 1811.11080",
)
MINIMAL_RESOURCES = Paper("Basch et al.", None, "Face Recognition in Deep Learning with Minimal Resources")
REPORTED = "2.3M parameters, 9.3 MB; LFW 99.73 %, MegaFace 91.3 %, trained on the refined MS-Celeb-1M."
SMALL = {"width": 0.25, "input_size": 48, "embedding_dim": 32}

NETWORKS = {
    "mobiface": Entry(
        network=MobiFace,
        title="MobiFace with the fully connected layer that its table ends in",
        paper=PAPER,
        table_row=REPORTED,
        differs="The paper's 2.3M parameters leave this layer out: the rest has 2,279,552, and flattening 7x7x512 "
        "into 512 numbers adds 12.8M. mobiface_gdconv and mobiface_gap are of the size that is published.",
        small=SMALL,
    ),
    "mobiface_gdconv": Entry(
        network=MobiFace,
        options={"head": "gdconv"},
        title="MobiFace with MobileFaceNet's global depthwise convolution as its head",
        paper=PAPER,
        table_row=REPORTED,
        differs="The table ends in a fully connected layer, with which the network cannot have 2.3M parameters or fit "
        "into 9.3 MB. With this head it has and does.",
        small=SMALL,
    ),
    "mobiface_gap": Entry(
        network=MobiFace,
        options={"head": "gap"},
        title="MobiFace with average pooling as its head",
        paper=PAPER,
        table_row=REPORTED,
        differs="The table ends in a fully connected layer, with which the network cannot have 2.3M parameters. "
        "Average pooling adds none, but weighs the corners of the face as much as its centre.",
        small=SMALL,
    ),
    "mobiface_one_each": Entry(
        network=MobiFace,
        options={"head": "gap", "one_of_each": True},
        title="MobiFace reduced to one block per row, without shortcuts",
        paper=MINIMAL_RESOURCES,
        table_row="Table 1: 0.77M parameters without the classification layer, 738M with it; about 20 % accuracy on "
        "7,000 classes of CelebA.",
        differs="These parameters are the 0.77M that is printed. Theirs flattens the map into a classifier: "
        "100,352 features of a 224x224 image times about 7,300 classes are the 738M. Average pooling here gives 512.",
        small=SMALL,
    ),
}
