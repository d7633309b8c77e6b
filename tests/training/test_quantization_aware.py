"""Training in 8 bits: what is rounded and how, that it is the network itself that learns, and that ``fit`` goes on."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from functools import partial
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from tiny_network import TinyNet
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity
from torch.optim import SGD

from course_lib import export
from course_lib.data import ImageSet, normalise
from course_lib.losses import CenterLoss, Softmax
from course_lib.optim import SAM
from course_lib.training import EarlyStopping, fit, frozen
from course_lib.training.quantization_aware import RANGES, quantization_aware

ROOT = Path(__file__).resolve().parents[2]


class Small(nn.Module):
    """One of each operator that the course's small networks are made of; batch norms unlike PyTorch's default."""

    in_channels, input_size = 1, (8, 9)

    def __init__(self) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(6, eps=1e-2, momentum=0.3)
        self.stem = nn.Sequential(nn.Conv2d(1, 6, 5, padding=1, bias=False), norm, nn.PReLU(6))
        self.block = nn.Sequential(
            nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Conv2d(6, 6, 1, bias=False),
            nn.BatchNorm2d(6, momentum=0.5),
        )
        self.head = nn.Linear(6 * 6 * 7, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        return self.head((x + self.block(x)).flatten(1))


@pytest.fixture
def images() -> Tensor:
    return torch.rand(16, 1, 8, 9, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def small() -> Small:
    torch.manual_seed(0)
    network = Small()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    return network


def sgd(backbone: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
    return SGD([*backbone.parameters(), *criterion.parameters()], lr=0.05, momentum=0.9)


def sam(backbone: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
    learned = [*backbone.parameters(), *criterion.parameters()]
    return SAM(learned, partial(SGD, lr=0.05, momentum=0.9), module=[backbone, criterion])


def watched(network: nn.Module) -> dict[nn.Module, tuple[Tensor, Tensor]]:
    """For each rounding, what came in and what went out, as soon as the network has run."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def note(rounding: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        seen[rounding] = inputs[0].detach(), output.detach()

    for each in network.get_submodule(RANGES).children():
        each.register_forward_hook(note)
    return seen


def is_of_a_weight(rounding: nn.Module) -> bool:
    return len(rounding.scale) > 1  # a scale for each output channel


# --- What is rounded ---


@pytest.mark.slow
def test_without_the_rounding_it_is_the_network(small, images):
    """In both modes, to the running statistics: the graph changes nothing else, for any batch size."""
    twin = Small()
    twin.load_state_dict(small.state_dict())
    with quantization_aware(small, images):
        graph = small.forward.__self__.in_training
        assert {name.partition("_")[0] for name, _ in graph.named_children()} == {"activation"} | {
            name for name, _ in Small().named_children()
        }
        for each in small.get_submodule(RANGES).children():
            each.disable_fake_quant()
        for batch in (images, images[:3]):
            torch.testing.assert_close(small(batch), twin(batch), rtol=1e-4, atol=1e-5)
        small.eval(), twin.eval()
        torch.testing.assert_close(small(images[:1]), twin(images[:1]), rtol=1e-4, atol=1e-5)
    assert small.block[1].num_batches_tracked == 2
    for name, tensor in twin.state_dict().items():
        torch.testing.assert_close(small.state_dict()[name], tensor, msg=name)


@pytest.mark.slow
def test_all_values_lie_on_256_levels(small, images):
    """By hand, for every rounding: round(x / scale) + zero, cut off at the ends of 8 bits, and back."""
    with quantization_aware(small, images):
        seen = watched(small)
        small(images)
        assert len(seen) == len(small.get_submodule(RANGES))
    assert sum(map(is_of_a_weight, seen)) == 4
    for each, (x, rounded) in seen.items():
        x, rounded = x.double().flatten(1), rounded.double().flatten(1)
        scale, zero = each.scale.double()[:, None], each.zero_point.double()[:, None]
        if is_of_a_weight(each):
            torch.testing.assert_close(scale, x.abs().amax(1, keepdim=True) / 127, rtol=1e-5, atol=0)
            levels = (x / scale).round()
        else:
            levels = ((x / scale).round() + zero).clamp(0, 255)
            assert len(levels.unique()) > 16
        off = (rounded / scale + zero - levels).abs()
        assert off.max() < 1.01 and (off > 1e-3).double().mean() < 0.01  # a tie may fall to either side


@pytest.mark.slow
def test_weights_are_rounded_as_the_exported_file_has_them(small, images, tmp_path):
    """Batch norm is multiplied in, small as that makes a channel."""
    with torch.no_grad():
        small.block[1].weight[0] = 1e-3
    with quantization_aware(small, images), torch.no_grad():
        seen = watched(small)
        small.eval()(images)
    fp32 = export.to_onnx(small, tmp_path / "fp32.onnx")
    int8 = onnx.load(export.quantize(fp32, images.numpy(), tmp_path / "int8.onnx"))
    filed = [torch.from_numpy(numpy_helper.to_array(one).copy()) for one in int8.graph.initializer]
    filed = {len(one.flatten()): one for one in filed if one.dtype == torch.int8 and one.ndim > 1}
    assert len(filed) == 4
    for each, (_, rounded) in seen.items():
        if is_of_a_weight(each):
            levels = rounded.flatten(1) / each.scale[:, None]
            there = filed[rounded.numel()]
            there = there.T if there.ndim == 2 and len(there) != len(levels) else there.flatten(1)
            assert (levels - there).abs().max() < 1.01 and levels.abs().amax(1).round().eq(127).all()


# --- That it is the network itself ---


@pytest.mark.slow
def test_the_parameters_are_the_same_objects_and_nothing_is_left_behind(small, images):
    parameters, state = dict(small.named_parameters()), {k: v.clone() for k, v in small.state_dict().items()}
    with pytest.raises(KeyboardInterrupt), quantization_aware(small, images):
        assert all(small.get_parameter(name) is one for name, one in parameters.items())
        assert len(small.state_dict()) > len(state)
        small(images).square().sum().backward()
        assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in parameters.values())
        raise KeyboardInterrupt
    assert dict(small.named_parameters()) == parameters and list(small.state_dict()) == list(state)
    assert "forward" not in vars(small) and not hasattr(small, RANGES)


@pytest.mark.slow
def test_a_copy_made_meanwhile_is_a_network_of_its_own(small, images):
    with quantization_aware(small, images), torch.no_grad():
        copy, expected = deepcopy(small.eval()), small(images)
        for parameter in small.parameters():
            parameter.zero_()
        assert torch.equal(copy(images), expected) and not torch.equal(small(images), expected)


@pytest.mark.slow
def test_a_frozen_stage_stands_still(small, images):
    before = {name: tensor.clone() for name, tensor in small.stem.state_dict().items()}
    with frozen(small, "stem"), quantization_aware(small, images):
        small.train()
        small(images)
    assert all(torch.equal(tensor, before[name]) for name, tensor in small.stem.state_dict().items())
    assert small.block[1].num_batches_tracked == 1


# --- fit ---


@pytest.mark.slow
def test_learns_and_evaluates_in_8_bits(tiny_net, stripes):
    criterion, seen = Softmax(5, 3), []

    @torch.inference_mode()
    def evaluate(net: nn.Module) -> dict[str, float]:
        pixels, counted = stripes.images[:30].float() / 128 - 1, int(net.norm.num_batches_tracked)
        rounded = net(pixels)
        assert torch.equal(net(pixels), rounded) and int(net.norm.num_batches_tracked) == counted
        exact = TinyNet.forward(net, pixels)
        seen.append(float(cosine_similarity(rounded, exact).mean()))
        return {"levels": len(rounded.unique())}

    options = {"optimizer": sgd(tiny_net, criterion), "epochs": 4, "batch_size": 20, "evaluate": evaluate}
    history = fit(tiny_net, criterion, stripes, quantize=True, **options)
    assert history["accuracy"][-1] > 0.9 > history["accuracy"][0]
    assert all(0.98 < one < 1 for one in seen) and max(history["levels"]) <= 256
    assert not tiny_net.training and tiny_net.norm.num_batches_tracked == 20


def accuracy_in_int8(network: nn.Module, criterion: nn.Module, people: ImageSet, folder: Path) -> float:
    images = normalise(people.images).numpy()
    fp32 = export.to_onnx(network, folder / "fp32.onnx")
    int8 = export.quantize(fp32, images[:64], folder / "int8.onnx", scheme=export.Scheme(percentile=None))
    (embeddings,) = onnxruntime.InferenceSession(int8).run(None, {"images": images})
    logits = criterion(torch.from_numpy(embeddings), people.labels).logits
    return float((logits.argmax(1) == people.labels).float().mean())


def uneven(seed: int) -> nn.Module:
    """One channel is a thousand times the others, until the second batch norm; it shares its levels with them."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.BatchNorm2d(8), nn.PReLU(8)),
        *(nn.Flatten(), nn.Linear(8 * 4 * 5, 5)),
    )
    network.in_channels, network.input_size = 1, (8, 9)
    with torch.no_grad():
        network[1].weight[0] = 1000
    return network


@pytest.mark.slow
@pytest.mark.parametrize(("quantize", "least", "most"), [(False, 0, 0.85), (True, 0.95, 1)])
def test_what_8_bits_ruin_afterwards_is_learned_around(stripes, tmp_path, quantize, least, most):
    """Accuracy in the file, of seeds 0 to 3: 0.80, 0.40, 0.33 and 0.73 after training in float; 1 after 8 bits."""
    network, criterion = uneven(seed=1), Softmax(5, 3, seed=1)
    optimizer = SGD([*network.parameters(), *criterion.parameters()], lr=0.02, momentum=0.9)
    options = {"epochs": 16, "batch_size": 30, "precision": "32-true", "quantize": quantize}
    history = fit(network, criterion, stripes, optimizer=optimizer, **options)
    assert history["accuracy"][-1] > 0.95
    assert least <= accuracy_in_int8(network, criterion, stripes, tmp_path) <= most


class Stop(Exception):
    """The power fails."""


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "stop_at"), [(sgd, 9), (sam, 17)])  # SAM's, between its two looks
def test_an_interrupted_run_ends_with_the_same_bits(stripes, tmp_path, optimizer, stop_at):
    def run(stop_at: int = 0) -> list[Tensor]:
        torch.manual_seed(0)
        net, criterion, calls = TinyNet(), CenterLoss(5, 3, weight=0.1, seed=0), []

        def fail(*_: object) -> None:
            calls.append(1)
            if len(calls) == stop_at:
                raise Stop

        net.register_forward_hook(fail)
        options = {"optimizer": optimizer(net, criterion), "epochs": 3, "batch_size": 10, "checkpoint_every": 2}
        options |= {"checkpoint": tmp_path / ("whole.ckpt" if stop_at < 0 else "cut.ckpt"), "quantize": True}
        options |= {"early_stopping": EarlyStopping("loss", patience=3)}
        fit(net, criterion, stripes, **options)
        return [*net.state_dict().values(), *criterion.state_dict().values()]

    whole = run(stop_at=-1)
    with pytest.raises(Stop):
        run(stop_at)
    assert all(torch.equal(a, b) for a, b in zip(whole, run(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [True, False])
def test_the_checkpoint_of_the_other_kind_is_refused(stripes, tmp_path, quantize):
    def run(quantize: bool) -> None:
        net, criterion = TinyNet(), Softmax(5, 3, seed=0)
        options = {"optimizer": sgd(net, criterion), "epochs": 1, "checkpoint": tmp_path / "run.ckpt"}
        fit(net, criterion, stripes, quantize=quantize, precision="32-true", **options)

    run(quantize)
    with pytest.raises(ValueError, match="another run: its precision is 32-true.*rounded to 8 bits"):
        run(not quantize)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"precision": "bf16-mixed"}, "precision is 'bf16-mixed', but quantize=True needs '32-true'"),
        ({"precision": "64-true"}, "needs '32-true'"),
        ({"compile": True}, "cannot be compiled"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_moves(tiny_net, stripes, option, message):
    criterion = Softmax(5, 3)
    with pytest.raises(ValueError, match=message):
        fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion), epochs=1, quantize=True, **option)
    assert tiny_net.norm.num_batches_tracked == 0


def test_without_torchao_the_error_names_it(tiny_net, stripes, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "torchao"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchao", None)
    criterion = Softmax(5, 3)
    with pytest.raises(ModuleNotFoundError, match="torchao.* is not installed, .*; pip install torchao"):
        fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion), epochs=1, quantize=True)
    assert not hasattr(tiny_net, RANGES) and tiny_net.norm.num_batches_tracked == 0


@pytest.mark.slow
def test_torchao_comes_late_and_in_silence():
    code = (
        "import sys, torch, course_lib.training\n"
        "from course_lib.training.quantization_aware import quantization_aware\n"
        "assert 'torchao' not in sys.modules\n"
        "net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten())\n"
        "with quantization_aware(net, torch.rand(4, 1, 5, 5)): net(torch.rand(3, 1, 5, 5))\n"
        "print(sorted({'torchao'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert (run.stdout, run.stderr, run.returncode) == ("['torchao']\n", "", 0)
