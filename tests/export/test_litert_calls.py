"""What LiteRT's packages are asked for, with stand-ins: they are not installed everywhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import export
from course_lib.export.litert_file import _revive
from course_lib.export.runtimes.litert import arena_bytes


class Tiny(nn.Module):
    in_channels, input_size = 3, (4, 5)

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.convolution(images).mean((2, 3))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The packages' functions, as far as they are used; each notes how it is called."""
    found: list[tuple] = []

    def module(name: str, **contents: object) -> None:
        made = ModuleType(name)
        vars(made).update(contents)
        monkeypatch.setitem(sys.modules, name, made)

    def noted(name: str, answer: object):
        return lambda *given, **options: found.append((name, *given, options)) or answer

    last = SimpleNamespace(eval=lambda: "channels last, in evaluation mode")
    converted = SimpleNamespace(model_content=lambda: b"in 32 bits")
    module("litert_torch", to_channel_last_io=noted("layout", last), convert=noted("convert", converted))

    class Quantizer:
        def __init__(self, *given: object) -> None:
            found.append(("quantizer", *given))

        update_quantization_recipe = staticmethod(noted("but for", None))

        def calibrate(self, images: dict, **options: object) -> str:
            assert all(len(list(each)) == 32 for each in images.values())  # as the real one does before it begins
            found.append(("calibrate", {name: list(each) for name, each in images.items()}, options))
            return "ranges"

        quantize = staticmethod(noted("quantize", SimpleNamespace(quantized_model=b"in 8 bits")))

    names = SimpleNamespace(INPUT="the input", OUTPUT="the output")
    quantizer = SimpleNamespace(Quantizer=Quantizer, AlgorithmName=SimpleNamespace(NO_QUANTIZE="nothing"))
    recipe = SimpleNamespace(static_wi8_ai8=lambda: "a recipe")
    qtyping = SimpleNamespace(TFLOperationName=names)
    module("ai_edge_quantizer", qtyping=qtyping, quantizer=quantizer, recipe=recipe)

    def read(content: bytes) -> SimpleNamespace:
        tensors = [SimpleNamespace(name=f"course_lib/{index}") for index in range(4)]
        return SimpleNamespace(content=content, subgraphs=[SimpleNamespace(tensors=tensors, inputs=[1], outputs=[3])])

    def write(model: SimpleNamespace) -> bytearray:
        return bytearray(model.content + repr([tensor.name for tensor in model.subgraphs[0].tensors]).encode())

    utilities = SimpleNamespace(read_model_from_bytearray=read, convert_object_to_bytearray=write)
    module("ai_edge_litert")
    module("ai_edge_litert.tools", flatbuffer_utils=utilities)
    return found


NAMES = b"[None, 'images', None, 'embeddings']"


def test_in_32_bits_channels_are_brought_to_the_end_and_names_are_left_out(calls: list[tuple], tmp_path: Path) -> None:
    written = export.to_litert(Tiny().eval(), None, tmp_path / "a.tflite")
    assert written.read_bytes() == b"in 32 bits" + NAMES
    (_, network, asked), (_, changed, (example,), options) = calls
    assert isinstance(network, Tiny) and asked == {"args": [0]} and not network.training
    assert changed == "channels last, in evaluation mode" and options == {}
    assert torch.equal(example, torch.zeros(1, 4, 5, 3))


def test_in_8_bits_all_but_input_and_output_is_quantised_on_the_images(calls: list[tuple], tmp_path: Path) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (32, 3, 4, 5)).astype(np.float32)
    network = Tiny().eval()
    network.convolution.weight.data[0] = 0
    network.convolution.bias.data[0] = 2
    written = export.to_litert(network, images, tmp_path / "a.tflite")
    assert written.read_bytes() == b"in 8 bits" + NAMES
    assert calls[0][1].convolution.weight[0].flatten().tolist() == pytest.approx([2e-4, 0, 0]), (
        "a dead channel has life"
    )
    assert network.convolution.weight[0].eq(0).all(), "and the network itself is left alone"
    quantizer, first, second, (_, shown, threads), quantize = calls[2:]
    assert quantizer == ("quantizer", b"in 32 bits", "a recipe")
    for call, end in ((first, "the input"), (second, "the output")):
        assert call == ("but for", {"regex": ".*", "operation_name": end, "algorithm_key": "nothing"})
    assert threads == {"num_threads": 1} and list(shown) == ["serving_default"]
    seen = [each.pop("args_0") for each in shown["serving_default"]]
    np.testing.assert_array_equal(np.concatenate(seen), images.transpose(0, 2, 3, 1))
    assert not any(shown["serving_default"]) and seen[0].shape == (1, 4, 5, 3)
    assert quantize == ("quantize", "ranges", {"enable_progress_report": False})


def test_the_least_weight_of_a_channel_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Conv2d(3, 1, 1, bias=False), nn.Linear(1, 1))
    network[0].weight.data = torch.tensor([[3e-4, 0.0], [1e-4, -2e-4], [0.0, -1e-5]]).view(3, 2, 1, 1)
    network[0].bias.data = torch.tensor([2.0, -2.0, 1.0])
    network[1].weight.data.zero_()
    _revive(network)
    # A ten thousandth of the bias: 2e-4 is less than the largest of the first, as large as that of the second.
    assert network[0].weight.flatten().tolist() == pytest.approx([3e-4, 0, 1e-4, -2e-4, 1e-4, -1e-5])
    assert network[1].weight.eq(0).all()


@pytest.mark.parametrize(
    ("output", "words", "expected"),
    [(1.0, b"[RecordingMicroAllocator] Arena allocation total 61234 bytes\n", 61234), (0.0, b"total 9 bytes", None)],
)
def test_the_arena_is_what_tflite_micro_prints(
    output: float, words: bytes, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints from C++; where it answers with zeros, it has not seen the weights."""

    class Interpreter:
        @classmethod
        def from_bytes(cls, content: bytes, arena_size: int) -> Interpreter:
            assert content == b"a file" and arena_size > 10**6
            return cls()

        def get_input_details(self, index: int) -> dict[str, np.ndarray]:
            return {"shape": np.array([1, 4, 5, 3])}

        def set_input(self, images: np.ndarray, index: int) -> None:
            assert images.shape == (1, 4, 5, 3) and images.std() > 0.3

        def invoke(self) -> None: ...

        def print_allocations(self) -> None:
            os.write(2, words)

        def get_output(self, index: int) -> np.ndarray:
            return np.full((1, 8), output)

    runtime = ModuleType("tflite_micro.python.tflite_micro.runtime")
    runtime.Interpreter = Interpreter
    for name in ("tflite_micro", "tflite_micro.python", "tflite_micro.python.tflite_micro"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, runtime.__name__, runtime)
    (tmp_path / "model.tflite").write_bytes(b"a file")
    assert arena_bytes(tmp_path / "model.tflite") == expected
    monkeypatch.setattr(Interpreter, "get_output", lambda *_: np.zeros((1, 8)))
    assert arena_bytes(tmp_path / "model.tflite") is None
