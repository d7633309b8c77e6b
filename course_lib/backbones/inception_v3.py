"""Inception v3, torchvision's, with an embedding for its last layer (Szegedy et al. 2016, CVPR, Table 1)."""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.backbones.blocks import check_at_least_one, check_images, check_input_size
from course_lib.backbones.registry import Entry, Paper

MINIMUM_SIZE = 75  # the last map is a single position
# Side at which the auxiliary head's 5x5 convolution fits on what its pooling leaves of the middle map, 17x17.
MINIMUM_SIZE_AUXILIARY = 299


class InceptionV3(nn.Module):
    """Inception v3: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        embedding_dim: D; 1000 for ImageNet's classes.
        input_size: (height, width) in pixels, or one number for a square, of at least 75 each, or 299 each with the
            auxiliary head.
        auxiliary_head: add the paper's second head on the middle map, for ``with_auxiliary``.
        dropout: probability that training drops one of the 2048 numbers before the last layer.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        embedding_dim: int = 512,
        input_size: int | tuple[int, int] = (299, 299),
        auxiliary_head: bool = False,
        dropout: float = 0.5,
        in_channels: int = 3,
    ) -> None:
        # torchvision takes a second to import, and no other network needs it.
        from torchvision.models.inception import BasicConv2d, Inception3

        super().__init__()
        check_at_least_one(embedding_dim=embedding_dim, in_channels=in_channels)
        self.input_size = check_input_size(input_size, MINIMUM_SIZE_AUXILIARY if auxiliary_head else MINIMUM_SIZE)
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        self.inception = Inception3(embedding_dim, aux_logits=auxiliary_head, init_weights=False, dropout=dropout)
        if in_channels != 3:
            self.inception.Conv2d_1a_3x3 = BasicConv2d(in_channels, 32, kernel_size=3, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        out = self.inception(images)
        return out if isinstance(out, Tensor) else out.logits  # (N, D)

    def with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings and those of the auxiliary head, both (N, embedding_dim), while training.

        A criterion on each, the second with a smaller weight, trains as the paper does (section 4).

        Raises:
            ValueError: there is no auxiliary head, or images have another shape.
            RuntimeError: the network is in evaluation mode, in which torchvision leaves the head out.
        """
        if self.inception.AuxLogits is None:
            raise ValueError("this network has no auxiliary head; create it with auxiliary_head=True")
        if not self.training:
            raise RuntimeError("the auxiliary head is for training; call train() first, or call the network itself")
        check_images(images, self.in_channels, self.input_size)
        out = self.inception(images)
        return out.logits, out.aux_logits


PAPER = Paper(
    "Szegedy et al.", 2016, "Rethinking the Inception Architecture for Computer Vision", "CVPR 2016, arXiv 1512.00567"
)

NETWORKS = {
    "inception_v3": Entry(
        network=InceptionV3,
        title="Inception v3: parallel branches, large kernels split into small and one-sided ones",
        paper=PAPER,
        table_row="fewer than 25 million parameters and 5 billion multiply-adds at 299x299; 21.2 % top-1 error on "
        "ImageNet",
        differs="torchvision's network with an embedding in place of the 1000 classes, and without the auxiliary head: "
        "21,785,568 parameters before the last layer. Initial weights are PyTorch's, not the truncated N(0, 0.1) of "
        "torchvision. As torchvision publishes it there are 27,161,264: the auxiliary "
        "head has 3,326,696 and the layer of 1000 classes 2,049,000 of them. Basch et al. write of an Inception ResNet "
        "v3, which does not exist; the 27M without a classifier in their table are those 27,161,264, ImageNet's "
        "classifier among them, and their 40.1M with one follow when about 7,300 classes take its place.",
        small={"input_size": 75},
    ),
}
