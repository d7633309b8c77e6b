from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision import models

from course_lib import backbones, cost


class Block(nn.Module):
    """Three convolutions that keep the shape of 192 elements, and what a test makes of them."""

    def __init__(self, steps) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.steps = steps

    def forward(self, x: Tensor):
        return self.steps(self, x)


def early_output(block: Block, x: Tensor) -> tuple[Tensor, Tensor]:
    first = block.a(x)
    return first, block.c(block.b(first))


def in_place_shortcut(block: Block, x: Tensor) -> Tensor:
    x = block.a(x)
    out = block.b(x).relu_()
    out += x
    return block.c(out)


def half_a_view(block: Block, x: Tensor) -> Tensor:
    x = block.a(x)
    left, _ = x.chunk(2, dim=-1)  # keeps all of x
    out = block.c(block.b(torch.ones_like(x)))
    return out[..., :4] + left


def copied_view(block: Block, x: Tensor) -> Tensor:
    x = block.a(x).transpose(2, 3).reshape(1, 192)  # this order is not that of the memory
    return x.view(1, 3, 64) * 2


# Live elements at each operation of an image (1, 3, 8, 8), that is 192 elements; each convolution gives as many.
ONE = 192
HAND_WORKED = {
    "chain": (lambda m, x: m.c(m.b(m.a(x)).relu()), [1, 2, 2, 2, 2]),
    "activation in place": (lambda m, x: m.c(m.b(m.a(x)).relu_()), [1, 2, 2, 1, 2]),
    "residual": (lambda m, x: m.b(m.a(x).relu()) + x, [1, 2, 3, 3, 3]),
    "residual in place": (in_place_shortcut, [1, 2, 2, 2, 2, 2]),
    "diamond": (lambda m, x: m.a(x) * m.b(x), [1, 2, 3, 3]),
    "joined": (lambda m, x: torch.cat([m.a(x), m.b(x)], dim=1), [1, 2, 3, 4]),
    "long diamond": (lambda m, x: m.a(x) + m.c(m.b(x)), [1, 2, 3, 3, 3]),
    "early output": (early_output, [1, 2, 2, 3]),
    "view of a part": (half_a_view, [1, 2, 2, 3, 3, 2.5]),
    "copied view": (copied_view, [1, 2, 2, 2]),
    "flatten is a view": (lambda m, x: m.a(x).flatten(1).relu(), [1, 2, 2]),
    "weights are none": (lambda m, x: x * m.a.weight.view(81)[:8], [1, 2]),
    "what is made of weights is": (lambda m, x: x * (m.a.weight.flatten() * 2)[:8], [1, 1 + 81 / ONE, 2 + 81 / ONE]),
    "unused": (lambda m, x: (m.a(x), m.b(x))[1], [1, 2, 2]),
}


@pytest.mark.parametrize("name", HAND_WORKED)
def test_hand_worked(name: str) -> None:
    steps, expected = HAND_WORKED[name]
    found = cost.count(Block(steps), (8, 8))
    assert [layer.live_elements / ONE for layer in found.layers] == pytest.approx(expected)
    assert found.peak_elements == pytest.approx(ONE * max(expected))


def test_a_chain_of_growing_and_shrinking_maps() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
    )
    found = cost.count(network, (8, 8))
    # image 192, convolution 512, PReLU 512, pooling 128, linear 10
    assert [layer.live_elements for layer in found.layers] == [192, 192 + 512, 512 + 512, 512 + 128, 128 + 10]
    assert [layer.activation_elements for layer in found.layers] == [192, 512, 512, 128, 10]
    assert found.peak_layer.name == "1"
    assert (found.peak_fp32_bytes, found.peak_int8_bytes) == (4096, 1024)


def test_the_shortcut_of_an_inverted_bottleneck_keeps_its_input() -> None:
    body = backbones.blocks.InvertedBottleneck(4, 4, expansion=2, stride=1)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), body)
    live = {layer.name: layer.live_elements for layer in cost.count(network, (5, 5)).layers[2:]}
    assert live["1.expand.0"] == (4 + 8) * 25
    assert live["1.depthwise.1"] == (4 + 8 + 8) * 25
    assert live["1"] == (4 + 4 + 4) * 25


class EagerPeak(TorchDispatchMode):
    """The most elements of tensors that PyTorch itself holds after any operation, without those it is told to leave."""

    def __init__(self, *left_out: Tensor) -> None:
        super().__init__()
        self.left_out = {tensor.untyped_storage()._cdata for tensor in left_out}
        self.held: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.held = {key: (ref, size) for key, (ref, size) in self.held.items() if not ref.expired()}
        for tensor in [leaf for leaf in tree_leaves((args, out)) if isinstance(leaf, Tensor)]:
            storage = tensor.untyped_storage()
            if storage._cdata not in self.left_out:
                self.held[storage._cdata] = (StorageWeakRef(storage), storage.nbytes() // tensor.element_size())
        self.peak = max(self.peak, sum(size for _, size in self.held.values()))
        return out


def eager_peak(network: nn.Module, images: Tensor) -> int:
    with EagerPeak(*network.parameters(), *network.buffers()) as eager, torch.no_grad():
        network.eval()(images)
    return eager.peak


def test_a_chain_peaks_as_it_does_when_it_runs() -> None:
    class Chain(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            x = x + 0  # the caller holds the image; this copy can go
            for module in self:
                x = module(x)
            return x

    layers = list(backbones.create("lenet_plus_plus", width=0.25, batch_norm=True).body)
    image = torch.randn(1, 1, 28, 28)
    expected = eager_peak(Chain(*layers), image) - image.numel()
    assert cost.count(nn.Sequential(*layers), (28, 28), in_channels=1).peak_elements == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v2_x0_5", "resnet18", "squeezenet1_1"])
def test_peaks_stay_between_what_one_step_needs_and_what_pytorch_holds(name: str) -> None:
    network = models.get_model(name, weights=None)
    found = cost.count(network, (64, 64))
    first, second = found.layers[:2]
    assert first.kind == "input"
    assert first.activation_elements + second.activation_elements <= found.peak_elements
    assert found.peak_elements <= sum(layer.activation_elements for layer in found.layers)
    assert found.peak_elements <= eager_peak(network, torch.zeros(1, 3, 64, 64))
