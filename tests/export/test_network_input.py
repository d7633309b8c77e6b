"""One's own network is exported and run like the course's, once it says what faces it takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.export import Runtime, to_executorch, to_litert, to_onnx
from course_lib.export.network_input import takes
from course_lib.training import embed


def own(**attributes: object) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 7, 5)).eval()
    for name, value in attributes.items():
        setattr(network, name, value)
    return network


FACES = torch.arange(3 * 8 * 9, dtype=torch.uint8).reshape(3, 1, 8, 9)


def test_ones_own_network_runs() -> None:
    network = own(in_channels=1, input_size=(8, 9))
    runtime = Runtime.of(network, "own")
    assert repr(runtime) == "Runtime(own: 1x8x9)" and takes(network) == (1, 8, 9)
    np.testing.assert_allclose(runtime.embed(FACES), embed(network, FACES), atol=1e-5)
    assert runtime.peak_activation_bytes() > 0


def test_a_network_without_weights_runs_on_the_cpu() -> None:
    network = nn.Flatten()
    network.in_channels, network.input_size = 1, (8, 9)
    assert Runtime.of(network, "pixels").embed(FACES).shape == (3, 72)
    assert embed(network, FACES).shape == (3, 72)


WRONG = [
    (
        {},
        r"Sequential does not say what faces it takes: .*\. Set it, such as model\.in_channels = 3",
    ),
    ({"in_channels": 1}, r"has no attribute input_size\. Set it, such as model\.input_size = \(112, 112\)"),
    ({"in_channels": 2, "input_size": (8, 9)}, "in_channels is 2; expected 1 for grey or 3 for RGB"),
    ({"in_channels": 1, "input_size": 8}, r"input_size is 8; expected \(height, width\)"),
    ({"in_channels": 1, "input_size": (8, 9, 1)}, r"input_size is \(8, 9, 1\); expected \(height, width\)"),
    ({"in_channels": 1, "input_size": (8, 0)}, r"input_size is \(8, 0\)"),
]


@pytest.mark.parametrize(("attributes", "message"), WRONG)
def test_what_is_missing_is_named(attributes, message, tmp_path) -> None:
    for use in (
        lambda network: Runtime.of(network, "own"),
        lambda network: to_onnx(network, tmp_path / "a.onnx"),
        lambda network: to_litert(network, None, tmp_path / "a.tflite"),
        lambda network: to_executorch(network, None, tmp_path / "a.pte"),
    ):
        with pytest.raises(ValueError, match=message):
            use(own(**attributes))
    assert not list(tmp_path.iterdir())


def test_a_files_name_is_no_network() -> None:
    with pytest.raises(TypeError, match="module is a str; expected a network, or give the file to Runtime"):
        Runtime.of("network.onnx", "own")
