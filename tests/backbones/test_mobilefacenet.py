from __future__ import annotations

import pytest
import torch
from counting import multiply_adds, n_parameters
from torch import nn

from course_lib.backbones import create


# Counted by hand from the paper's Table 1 (and, for the wide variants, from published figures).
@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1_003_136),
        ({"embedding_dim": 512}, 1_200_512),
        ({"embedding_dim": 256}, 1_068_928),
        ({"input_size": (112, 96)}, 999_552),
        ({"input_size": 96}, 996_480),
        ({"activation": "relu"}, 995_584),
        ({"width": 2, "embedding_dim": 512}, 3_683_072),
        ({"width": 1.45, "embedding_dim": 512}, 2_130_542),
        ({"width": 1.44, "embedding_dim": 512}, 2_093_096),
        ({"width": 2, "input_size": (112, 96)}, 3_482_112),
        ({"expansion": 2}, 1_841_408),  # the paper prints 1.1 million
    ],
)
def test_parameter_counts(options: dict, expected: int):
    assert n_parameters(create("mobilefacenet", **options)) == expected


# In millions as published or counted from the tables: 221 million multiply-adds are Chen et al.'s.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("mobilefacenet", 1_003_136, 220.97),
        ("mobilefacenet_m", 937_344, 220.90),
        ("mobilefacenet_s", 850_688, 217.67),
        ("mobilefacenet_relu", 995_584, 220.97),
        ("mmobilefacenet_published", 2_059_520, 437.52),
        ("mmobilefacenet_as_written", 3_683_072, 846.66),
    ],
)
def test_counts_of_the_variants(name: str, parameters: int, macs: float):
    network = create(name)
    assert n_parameters(network) == parameters
    assert round(multiply_adds(network) / 1e6, 2) == macs


@pytest.mark.parametrize(("size", "macs"), [((112, 96), 189.41), ((96, 96), 162.36)])
def test_counts_of_the_smaller_images(size: tuple[int, int], macs: float):
    assert round(multiply_adds(create("mobilefacenet", input_size=size)) / 1e6, 2) == macs


def test_published_mmobilefacenet_keeps_the_inner_widths_and_groups_its_stem():
    published, paper, doubled = (
        create(name) for name in ("mmobilefacenet_published", "mobilefacenet", "mmobilefacenet_as_written")
    )

    def inner(network: nn.Module) -> list[int]:
        return [block.depthwise[0].out_channels for block in network.body]

    def outer(network: nn.Module) -> list[int]:
        return [block.project[0].out_channels for block in network.body]

    assert inner(published) == inner(paper)
    assert inner(doubled) == [2 * channels for channels in inner(paper)]
    assert outer(published) == outer(doubled) == [2 * channels for channels in outer(paper)]
    assert published.stem[1][0].weight.shape == (128, 2, 3, 3)
    assert doubled.stem[1][0].weight.shape == (128, 1, 3, 3)


@pytest.mark.parametrize(
    ("options", "dim"),
    [
        ({"head": "m"}, 512),
        ({"head": "m", "embedding_dim": 40}, 40),
        ({"head": "s"}, 128),
        ({"head": "s", "width": 0.25}, 32),
        ({"head": "s", "embedding_dim": 128}, 128),
    ],
)
def test_heads_without_projection_end_in_the_pooled_channels(options: dict, dim: int):
    network = create("mobilefacenet", input_size=32, **options).eval()
    assert network.embedding_dim == dim
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, dim)
    assert network.head[-2][0].groups == dim, "the last convolution is the global depthwise one"


def test_the_default_count_follows_from_the_table():
    def unit(inputs: int, outputs: int, kernel: int, groups: int = 1, slopes: bool = True) -> int:
        return inputs // groups * outputs * kernel**2 + 2 * outputs + (outputs if slopes else 0)

    count, channels = unit(3, 64, 3) + unit(64, 64, 3, 64), 64
    for t, c, n in ((2, 64, 5), (4, 128, 1), (2, 128, 6), (4, 128, 1), (2, 128, 2)):
        for _ in range(n):
            hidden = t * channels
            count += unit(channels, hidden, 1) + unit(hidden, hidden, 3, hidden) + unit(hidden, c, 1, slopes=False)
            channels = c
    count += unit(128, 512, 1) + unit(512, 512, 7, 512, slopes=False) + unit(512, 128, 1, slopes=False)
    assert n_parameters(create("mobilefacenet")) == count


@pytest.mark.parametrize("size", [(112, 112), (112, 92), (56, 46), (17, 16)])
def test_embeds_every_size_it_is_made_for(size: tuple[int, int]):
    network = create("mobilefacenet", input_size=size, width=0.25, embedding_dim=32, in_channels=1).eval()
    images = torch.randn(3, 1, *size)
    embeddings = network(images)
    assert embeddings.shape == (3, 32)
    assert torch.allclose(network(images[:1]), embeddings[:1], atol=1e-5), "the batch changes an embedding"


def test_the_network_has_the_papers_resolutions():
    network = create("mobilefacenet").eval()
    sizes = []
    for block in (network.stem, network.body[0], network.body[5], network.body[12]):
        block.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    network(torch.randn(1, 3, 112, 112))
    assert sizes == [(64, 56, 56), (64, 28, 28), (128, 14, 14), (128, 7, 7)]


def test_gradients_reach_every_parameter():
    network = create("mobilefacenet", width=0.25, input_size=32, seed=0)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_seed_decides_the_weights_and_nothing_else():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = create("mobilefacenet", seed=1), create("mobilefacenet", seed=1)
    assert torch.equal(torch.rand(1), expected), "the global random state was touched"
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.stem[0][0].weight, create("mobilefacenet", seed=2).stem[0][0].weight)


@pytest.mark.parametrize("images", [torch.zeros(2, 1, 112, 112), torch.zeros(2, 3, 112, 96), torch.zeros(3, 112, 112)])
def test_images_of_another_shape_are_refused(images: torch.Tensor):
    with pytest.raises(ValueError, match=r"images have shape .* expects \(N, 3, 112, 112\)"):
        create("mobilefacenet", width=0.1)(images)


def test_pixels_that_were_not_normalised_are_refused():
    with pytest.raises(TypeError, match="torch.uint8; expected floats"):
        create("mobilefacenet", width=0.1)(torch.zeros(2, 3, 112, 112, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width is 0"),
        ({"width": float("nan")}, "width is nan"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"input_size": (15, 112)}, "at least 16 pixels"),
        ({"activation": "gelu"}, "'gelu' is not known"),
        ({"expansion": -2}, "expansion is -2"),
        ({"head": "l"}, "head 'l' is not known; expected one of full, m, s"),
        ({"head": "s", "embedding_dim": 64}, "embedding_dim is 64, but head 's' ends in the last bottleneck's 128"),
        ({"stem_groups": 48}, "stem_groups 48 does not divide the stem's 64"),
        ({"stem_groups": 0}, "stem_groups 0"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("mobilefacenet", **options)
