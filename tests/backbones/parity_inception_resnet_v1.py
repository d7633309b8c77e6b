"""`make parity`: our Inception-ResNet-v1 beside facenet-pytorch's own, and what is recorded of it.

Run as a program, it writes the record anew.
"""

from __future__ import annotations

import json

import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from recorded_inception_resnet_v1 import RECORD, SIZES, fill, image, recorded
from torch import nn
from torch.nn import functional as F

from course_lib.backbones import create


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    return fill(InceptionResnetV1(pretrained=None, classify=False))


@torch.no_grad()
def embedding(network: nn.Module, size: int) -> list[list[float]]:
    return F.normalize(network(image(size))).double().numpy().round(6).tolist()


@pytest.mark.parametrize("size", SIZES)
def test_the_record_is_what_facenet_pytorch_gives(theirs, size, largest_difference):
    title = f"record, Inception-ResNet-v1 {size}"
    assert largest_difference(title, embedding(theirs, size), recorded()[str(size)]) < 2e-6


@pytest.mark.parametrize("size", SIZES)
def test_same_weights_same_output_as_facenet_pytorch(theirs, size, largest_difference):
    ours = fill(create("inception_resnet_v1", input_size=size))
    with torch.no_grad():
        found, expected = F.normalize(ours(image(size))), theirs(image(size))
    assert largest_difference(f"Inception-ResNet-v1 {size}", found, expected) < 1e-5
    assert expected.abs().mean() > 1e-3, "the comparison is of something"


def test_same_gradients_as_facenet_pytorch(theirs, largest_difference):
    gradients = []
    for network in (fill(create("inception_resnet_v1")), theirs):
        network.zero_grad()
        F.normalize(network(image(160)))[:, :256].sum().backward()
        gradients.append([p.grad for p in network.parameters()])
    for found, expected in zip(*gradients, strict=True):
        assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())
        scale = expected.abs().max()
        assert largest_difference("Inception-ResNet-v1, gradients", found / scale, expected / scale) < 0.01


if __name__ == "__main__":
    network = fill(InceptionResnetV1(pretrained=None, classify=False))
    record = {str(size): embedding(network, size) for size in SIZES}
    RECORD.write_text(json.dumps(record, indent=None) + "\n", encoding="utf-8")
