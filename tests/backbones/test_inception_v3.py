from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import inception_v3 as torchvision_inception_v3

from course_lib.backbones import create, describe


def on_paper(**options: object) -> nn.Module:
    with torch.device("meta"):
        return create("inception_v3", **options)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_count_has_a_classifier_and_an_auxiliary_head_in_it():
    network = on_paper(embedding_dim=1000, auxiliary_head=True)
    assert n_parameters(network) == 27_161_264
    assert n_parameters(network.inception.AuxLogits) == 3_326_696
    assert n_parameters(network.inception.fc) == 2_049_000
    body = 27_161_264 - 3_326_696 - 2_049_000
    assert n_parameters(on_paper()) == body + 2049 * 512 == describe("inception_v3").parameters
    # Basch et al.'s 40.1M "with classification layer": the auxiliary head stays, about 7,300 classes.
    assert 40.0e6 < 27_161_264 - 2_049_000 + 2049 * 7_315 < 40.15e6


@pytest.fixture(scope="module")
def small() -> nn.Module:
    return create("inception_v3", input_size=(75, 80), embedding_dim=16, seed=0).eval()


def test_embeds_what_torchvisions_network_gives(small):
    reference = torchvision_inception_v3(weights=None, num_classes=16, aux_logits=False, init_weights=False).eval()
    reference.load_state_dict(small.inception.state_dict())
    images = torch.randn(2, 3, 75, 80, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(small(images), reference(images))
        assert torch.allclose(small(images[:1]), small(images)[:1], atol=1e-4)


def test_grey_images():
    network = on_paper(in_channels=1)
    assert n_parameters(network) == n_parameters(on_paper()) - 2 * 32 * 9
    assert network(torch.empty(2, 1, 299, 299, device="meta")).shape == (2, 512)


def test_the_auxiliary_head_is_for_training():
    network = on_paper(auxiliary_head=True, embedding_dim=8)
    images = torch.empty(2, 3, 299, 299, device="meta")
    embeddings, auxiliary = network.with_auxiliary(images)
    assert embeddings.shape == auxiliary.shape == (2, 8)
    assert network(images).shape == network.eval()(images).shape == (2, 8)
    with pytest.raises(RuntimeError, match="call train"):
        network.with_auxiliary(images)


@pytest.mark.slow
def test_gradients_of_both_heads_reach_their_parameters():
    network = create("inception_v3", auxiliary_head=True, embedding_dim=4, seed=0)
    embeddings, auxiliary = network.with_auxiliary(torch.randn(2, 3, 299, 299))
    (embeddings.square().sum() + 0.3 * auxiliary.square().sum()).backward()
    assert all(p.grad is not None for p in network.parameters())


def test_without_the_head_there_is_nothing_to_ask_of_it(small):
    with pytest.raises(ValueError, match="create it with auxiliary_head=True"):
        small.with_auxiliary(torch.zeros(1, 3, 75, 80))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 74}, "at least 75 pixels"),
        ({"input_size": 298, "auxiliary_head": True}, "at least 299 pixels"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("inception_v3", **options)


def test_images_of_another_size_are_refused(small):
    with pytest.raises(ValueError, match=r"expects \(N, 3, 75, 80\)"):
        small(torch.zeros(1, 3, 299, 299))
