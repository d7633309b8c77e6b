from __future__ import annotations

import pytest
import torch
from recorded_inception_resnet_v1 import SIZES, fill, image, recorded
from torch import nn
from torch.nn import functional as F

from course_lib.backbones import create


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts():
    with torch.device("meta"):
        network = create("inception_resnet_v1")
    assert n_parameters(network) == 23_482_624
    assert n_parameters(network) + 513 * 8631 == 27_910_327


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_same_weights_same_output_as_facenet_pytorch(size: int):
    """Beside what was recorded of facenet-pytorch; `make parity` compares with the package itself, gradients too."""
    ours, expected = fill(create("inception_resnet_v1", input_size=size)), torch.tensor(recorded()[str(size)])
    with torch.no_grad():
        torch.testing.assert_close(F.normalize(ours(image(size))), expected, atol=1e-5, rtol=0)
    assert expected.abs().mean() > 1e-3, "the comparison is of something"


def test_the_maps_are_the_papers():
    with torch.device("meta"):
        network = create("inception_resnet_v1").eval()
    sizes = []
    for stage in (network.stem, network.blocks_35, network.blocks_17, network.last_block):
        stage.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    assert network(torch.empty(1, 3, 160, 160, device="meta")).shape == (1, 512)
    assert sizes == [(256, 17, 17), (256, 17, 17), (896, 8, 8), (1792, 3, 3)]


@pytest.mark.parametrize("size", [(75, 75), (75, 90)])
def test_small_images_and_few_blocks(size: tuple[int, int]):
    network = create(
        "inception_resnet_v1", input_size=size, repeats=(1, 0, 1), embedding_dim=8, in_channels=1, seed=0
    ).eval()
    images = torch.randn(3, 1, *size)
    with torch.no_grad():
        embeddings = network(images)
        assert embeddings.shape == (3, 8)
        assert torch.allclose(network(images[:1]), embeddings[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 74}, "at least 75 pixels"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"repeats": (1, 2)}, r"repeats is \(1, 2\); expected three numbers"),
        ({"repeats": (1, -2, 1)}, "of at least 0"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("inception_resnet_v1", **options)


def test_images_of_another_size_are_refused():
    with torch.device("meta"):
        network = create("inception_resnet_v1")
    with pytest.raises(ValueError, match=r"expects \(N, 3, 160, 160\)"):
        network(torch.zeros(1, 3, 112, 112, device="meta"))
