"""A tiny vision transformer for faces: DeiT-tiny on small patches (Touvron et al. 2021, arXiv 2012.12877, Table 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.backbones.blocks import check_at_least_one, check_choice, check_images, check_input_size
from course_lib.backbones.registry import Entry, Paper

EPS = 1e-6  # of the layer norms, as in the papers' code
POOLS = ("mean", "token")


class VisionTransformer(nn.Module):
    """A vision transformer: images (N, in_channels, H, W) float -> embeddings (N, embedding_dim) float.

    Args:
        embedding_dim: D.
        input_size: (height, width) in pixels, or one number for a square; whole patches.
        patch: side of a patch in pixels; each becomes one token.
        dim: width of a token; a multiple of ``heads``.
        depth: how many blocks.
        heads: attention heads of a block.
        mlp: hidden width of a block's second half.
        pool: what the embedding is read off: the ``"mean"`` of all tokens, or one ``"token"`` more that is no patch.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        ValueError: an option is out of range; ``forward`` raises it for images of another shape.
    """

    def __init__(
        self,
        *,
        embedding_dim: int = 512,
        input_size: int | tuple[int, int] = (112, 112),
        patch: int = 8,
        dim: int = 192,
        depth: int = 12,
        heads: int = 3,
        mlp: int = 768,
        pool: str = "mean",
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_at_least_one(embedding_dim=embedding_dim, patch=patch, dim=dim, depth=depth, heads=heads, mlp=mlp)
        check_at_least_one(in_channels=in_channels)
        check_choice(pool=(pool, POOLS))
        self.input_size = check_input_size(input_size, patch)
        if any(side % patch for side in self.input_size):
            raise ValueError(f"input_size is {self.input_size}; expected multiples of the patch, {patch}, or patch=")
        if dim % heads:
            raise ValueError(f"dim {dim} must be a multiple of heads, {heads}")
        self.in_channels = in_channels
        self.embedding_dim = embedding_dim
        tokens = (self.input_size[0] // patch) * (self.input_size[1] // patch)
        self.patches = nn.Conv2d(in_channels, dim, patch, stride=patch)
        self.token = nn.Parameter(torch.zeros(1, 1, dim)) if pool == "token" else None
        self.positions = nn.Parameter(torch.empty(1, tokens + (pool == "token"), dim))
        self.blocks = nn.Sequential(*(TransformerBlock(dim, heads, mlp) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=EPS)
        self.head = nn.Linear(dim, embedding_dim)
        self._draw_weights()

    def _draw_weights(self) -> None:
        """Linear layers and positions from N(0, 0.02), biases 0: the start that the DeiT recipes are tuned for."""
        nn.init.trunc_normal_(self.positions, std=0.02)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, in_channels, H, W) float to (N, embedding_dim) float, not normalised."""
        check_images(images, self.in_channels, self.input_size)
        x = self.patches(images).flatten(2).mT  # (N, tokens, dim)
        if self.token is not None:
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        x = self.norm(self.blocks(x + self.positions))  # (N, tokens, dim)
        x = x.mean(1) if self.token is None else x[:, 0]  # (N, dim)
        return self.head(x)  # (N, D)


class TransformerBlock(nn.Module):
    """Tokens look at one another, then each is transformed alone: (N, tokens, dim) stays that.

    Source: ViT (Dosovitskiy et al. 2021), equations 2 and 3; the norms come first.
    """

    def __init__(self, dim: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=EPS)
        self.attention = SelfAttention(dim, heads)
        self.mlp = nn.Sequential(nn.LayerNorm(dim, eps=EPS), nn.Linear(dim, mlp), nn.GELU(), nn.Linear(mlp, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm(x))
        return x + self.mlp(x)


class SelfAttention(nn.Module):
    """Multi-head self-attention: (N, tokens, dim) stays that. Source: Vaswani et al. 2017, section 3.2."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.queries_keys_values(x).unflatten(2, (3, self.heads, -1))  # (N, tokens, 3, heads, dim / heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (N, heads, tokens, dim / heads) each
        attended = F.scaled_dot_product_attention(queries, keys, values)
        return self.output(attended.transpose(1, 2).flatten(2))


PAPER = Paper(
    "Touvron et al.",
    2021,
    "Training data-efficient image transformers & distillation through attention",
    "ICML 2021, arXiv 2012.12877, Table 1",
)

NETWORKS = {
    "vit_tiny": Entry(
        network=VisionTransformer,
        title="DeiT-tiny for faces: 8x8 patches of a 112x112 image, 196 tokens",
        paper=PAPER,
        table_row="DeiT-Ti at 224x224 with 16x16 patches: 5M parameters, 72.2 % top-1 on ImageNet",
        differs="112x112 in 8x8 patches are 196 tokens, as 224x224 in 16x16 patches are. The embedding is read off the "
        "mean of the tokens, not off a class token. DeiT-tiny's 5,717,416 parameters become 5,512,256: 110,592 fewer "
        "for smaller patches, 384 fewer without the class token and its position, and 94,184 fewer for 512 numbers in "
        "place of 1000 classes. insightface's ViT-T for faces is another network, of about 19M: width 256, 8 heads, "
        "9x9 patches, and all tokens flattened into the last layer.",
        small={"input_size": 32, "dim": 48, "depth": 2, "mlp": 96},
    ),
}
