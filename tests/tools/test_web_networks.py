from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from course_lib.alignment.mtcnn_networks import with_weights
from tools.web_networks import NETWORKS, OUTPUTS, write_networks


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    assert [file.name for file in write_networks(folder)] == ["pnet.onnx", "rnet.onnx", "onet.onnx"]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("pnet", [(1, 3, 12, 12), (1, 3, 13, 12), (1, 3, 34, 101)]),  # odd sizes: pooling rounds up
        ("rnet", [(1, 3, 24, 24), (5, 3, 24, 24)]),
        ("onet", [(1, 3, 48, 48), (3, 3, 48, 48)]),
    ],
)
def test_a_file_gives_what_the_network_gives_at_any_size(folder, name, shapes):
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
    network = with_weights(NETWORKS[name][0](), torch.device("cpu"))
    names = [output.name for output in session.get_outputs()]
    assert names == list(OUTPUTS[: 3 if name == "onet" else 2])
    for shape in shapes:
        images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        expected = network(torch.from_numpy(images))
        for found, there in zip(session.run(None, {"images": images}), expected[: len(names)], strict=True):
            assert found.shape == tuple(there.shape)
            np.testing.assert_allclose(found, there.numpy(), atol=1e-5)


@pytest.mark.slow
def test_nothing_but_the_network_is_in_the_files(folder):
    assert sum((folder / f"{name}.onnx").stat().st_size for name in NETWORKS) < 4 * 496_000 + 20_000  # parameters
