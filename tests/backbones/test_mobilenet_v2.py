from __future__ import annotations

import pytest
import torch
from counting import multiply_adds, n_parameters
from torch import nn

from course_lib.backbones import create


# Counted by hand from Table 2 of Sandler et al.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "parameters", "macs"),
    [
        ("mobilenet_v2", {}, 2_387_840, 299_658_112),
        ("mobilenet_v2", {"width": 0.5}, 851_648, None),
        ("mobilenet_v2", {"width": 0.35}, 560_096, None),
        ("mobilenet_v2", {"width": 0.25}, 402_080, None),
        ("mobilenet_v2", {"width": 0.1}, 250_048, None),
        ("mobilenet_v2_under_1mb", {}, 200_480, 32_199_072),
        ("mobilenet_v2_face", {}, 2_223_872, 299_494_272),
        ("mobilenet_v2_face_gdconv", {}, 2_289_152, 299_556_992),
    ],
)
def test_counts(name: str, options: dict, parameters: int, macs: int | None):
    network = create(name, **options)
    assert n_parameters(network) == parameters
    assert macs is None or multiply_adds(network) == macs


def test_under_one_megabyte_holds_with_the_statistics_of_batch_norm():
    state = create("mobilenet_v2_under_1mb").state_dict()
    assert sum(tensor.numel() * tensor.element_size() for tensor in state.values()) < 1_000_000


def randomise_statistics(network: nn.Module) -> None:
    """Fresh statistics of batch norm are zeros and ones, which hide a tensor in the wrong place."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)


@pytest.mark.parametrize("width", [1.0, 0.35, 0.1, 1.4])
def test_same_weights_same_output_as_torchvision(width: float):
    from torchvision.models import MobileNetV2 as Theirs

    torch.manual_seed(0)
    theirs = Theirs(num_classes=128, width_mult=width).eval()
    randomise_statistics(theirs)
    ours = create("mobilenet_v2", width=width, input_size=96).eval()
    # Both hold their tensors in the order of the data; only the names differ.
    state = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))
    ours.load_state_dict(state)
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), atol=1e-5, rtol=0)


def test_gradients_are_those_of_torchvision():
    from torchvision.models import MobileNetV2 as Theirs

    torch.manual_seed(0)
    theirs = Theirs(num_classes=128, width_mult=0.25, dropout=0).train()
    ours = create("mobilenet_v2", width=0.25, input_size=64).train()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    images, direction = torch.randn(4, 3, 64, 64), torch.randn(4, 128)
    for network in (ours, theirs):
        (network(images) * direction).sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-4, rtol=1e-4)


def test_the_last_map_of_a_face_is_seven_by_seven():
    network = create("mobilenet_v2_face", width=0.1).eval()
    assert network.last(network.body(network.stem(torch.randn(1, 3, 112, 112)))).shape == (1, 1280, 7, 7)


@pytest.mark.parametrize("head", ["gap", "gdconv"])
@pytest.mark.parametrize("embedding_dim", [None, 16])
def test_embeds_to_the_dimension_it_says(head: str, embedding_dim: int | None):
    options = {"width": 0.1, "last_channels": 40, "input_size": (65, 40), "in_channels": 1}
    network = create("mobilenet_v2", head=head, embedding_dim=embedding_dim, **options).eval()
    assert network.embedding_dim == (embedding_dim or 40)
    assert network(torch.randn(2, 1, 65, 40)).shape == (2, network.embedding_dim)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width is 0"),
        ({"last_channels": 0}, "last_channels 0"),
        ({"head": "fc"}, "head 'fc' is not known; expected one of gap, gdconv"),
        ({"input_size": 31}, "at least 32 pixels"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("mobilenet_v2", **options)
