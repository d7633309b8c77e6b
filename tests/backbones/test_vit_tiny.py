from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import VisionTransformer as TorchvisionTransformer

from course_lib.backbones import create
from course_lib.backbones.vit_tiny import SelfAttention

SMALL = {"input_size": (16, 24), "dim": 24, "depth": 2, "heads": 3, "mlp": 40, "embedding_dim": 10}


def on_paper(**options: object) -> nn.Module:
    with torch.device("meta"):
        return create("vit_tiny", **options)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts():
    assert n_parameters(on_paper()) == 5_512_256
    deit = on_paper(input_size=224, patch=16, pool="token", embedding_dim=1000)
    assert n_parameters(deit) == 5_717_416
    smaller_patches, token, embedding = 3 * 192 * (16**2 - 8**2), 2 * 192, 193 * (1000 - 512)
    assert n_parameters(deit) - smaller_patches - token - embedding == 5_512_256


def test_multiply_adds_with_those_of_attention():
    network = on_paper().eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, 112, 112, device="meta"))
    tokens, dim = 196, 192
    block = tokens * dim * (3 * dim + dim + 2 * 768) + 2 * tokens * tokens * dim
    assert counter.get_total_flops() == 2 * (tokens * 3 * 64 * dim + 12 * block + dim * 512)


def test_same_weights_same_output_as_torchvision():
    torch.manual_seed(0)
    theirs = TorchvisionTransformer(
        image_size=16, patch_size=8, num_layers=2, num_heads=3, hidden_dim=24, mlp_dim=40, num_classes=10
    ).eval()
    nn.init.normal_(theirs.heads.head.weight)  # torchvision starts it at zero
    nn.init.normal_(theirs.class_token)
    ours = create("vit_tiny", **{**SMALL, "input_size": 16, "pool": "token"}).eval()
    ours.load_state_dict({renamed(name): tensor for name, tensor in theirs.state_dict().items()})
    images = torch.randn(3, 3, 16, 16)
    assert torch.allclose(ours(images), theirs(images), atol=1e-5)
    assert theirs(images).std() > 0.1, "the comparison is of something"


def renamed(name: str) -> str:
    """Ours for torchvision's name of a tensor."""
    for theirs, ours in {
        "class_token": "token",
        "conv_proj": "patches",
        "encoder.pos_embedding": "positions",
        "encoder.layers.encoder_layer_": "blocks.",
        "encoder.ln": "norm",
        "heads.head": "head",
        "ln_1": "norm",
        "mlp.0": "mlp.1",
        "ln_2": "mlp.0",
        "self_attention.in_proj_": "attention.queries_keys_values.",
        "self_attention.out_proj": "attention.output",
    }.items():
        name = name.replace(theirs, ours)
    return name


def test_attention_against_pytorchs():
    torch.manual_seed(0)
    ours, theirs = SelfAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight.data.copy_(ours.queries_keys_values.weight)
    theirs.in_proj_bias.data.copy_(ours.queries_keys_values.bias)
    theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = torch.randn(2, 5, 12)
    assert torch.allclose(ours(x), theirs(x, x, x, need_weights=False)[0], atol=1e-6)


@pytest.mark.parametrize("pool", ["mean", "token"])
def test_embeddings_and_gradients(pool: str):
    network = create("vit_tiny", **SMALL, pool=pool, in_channels=1, seed=0)
    images = torch.randn(3, 1, 16, 24)
    embeddings = network(images)
    assert embeddings.shape == (3, 10)
    embeddings.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    with torch.no_grad():
        assert torch.allclose(network.eval()(images[:1]), network(images)[:1], atol=1e-6)


def test_it_matters_where_a_patch_is():
    network = create("vit_tiny", **SMALL, seed=0).eval()
    images = torch.randn(1, 3, 16, 24)
    assert not torch.allclose(network(images), network(images.roll(8, 3)), atol=1e-5)
    nn.init.zeros_(network.positions)
    assert torch.allclose(network(images), network(images.roll(8, 3)), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": (112, 100)}, r"input_size is \(112, 100\); expected multiples of the patch, 8"),
        ({"input_size": 4}, "at least 8 pixels"),
        ({"heads": 5}, "dim 192 must be a multiple of heads, 5"),
        ({"depth": 0}, "depth 0"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"pool": "max"}, "pool 'max' is not known; expected one of mean, token"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("vit_tiny", **options)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"expects \(N, 3, 112, 112\)"):
        on_paper()(torch.zeros(1, 3, 112, 96))
