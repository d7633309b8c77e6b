from __future__ import annotations

import pickle

import pytest
import torch

from course_lib.backbones import create
from course_lib.training import load_weights, save_weights


def test_weights_come_back_the_same(tmp_path):
    network = create("mobilefacenet", width=0.25, input_size=32).to(memory_format=torch.channels_last)
    save_weights(network, tmp_path / "weights/network.safetensors")
    other = create("mobilefacenet", width=0.25, input_size=32)
    load_weights(other, tmp_path / "weights/network.safetensors")
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    save_weights(create("mobilefacenet", width=0.25, input_size=32), path)
    with pytest.raises(
        ValueError, match=r"holds another network: its network has stem\.0\.0\.weight = \(16, 3, 3, 3\)"
    ):
        load_weights(create("mobilefacenet", width=0.5, input_size=32), path)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, pickle.dumps({"a": 1})])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "network.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"network\.safetensors is no safetensors file"):
        load_weights(create("lenet_plus_plus", width=0.1), path)
