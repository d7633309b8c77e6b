from __future__ import annotations

import facenet_pytorch.models.mtcnn as theirs
import pytest
import torch

from course_lib import paths
from course_lib.alignment.mtcnn_networks import ONet, PNet, RNet, with_weights

PARAMETERS = {PNet: 6_632, RNet: 100_178, ONet: 389_040}
CPU = torch.device("cpu")


def random_input(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("network", PARAMETERS)
def test_the_number_of_parameters(network):
    assert sum(parameter.numel() for parameter in network().parameters()) == PARAMETERS[network]


# 12 is one window; odd and even sizes differ in the last, partial, pooling window.
@pytest.mark.parametrize(("height", "width", "rows", "columns"), [(12, 12, 1, 1), (13, 14, 2, 2), (47, 30, 19, 10)])
@torch.inference_mode()
def test_pnet_is_facenet_pytorchs(height, width, rows, columns):
    x = random_input(2, 3, height, width)
    shifts, scores = theirs.PNet()(x)
    found_scores, found_shifts = with_weights(PNet(), CPU)(x)
    assert found_scores.shape == (2, rows, columns)
    torch.testing.assert_close(found_scores, scores[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(found_shifts, shifts.permute(0, 2, 3, 1), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_rnet_is_facenet_pytorchs():
    x = random_input(5, 3, RNet.side, RNet.side)
    shifts, scores = theirs.RNet()(x)
    found_scores, found_shifts, landmarks = with_weights(RNet(), CPU)(x)
    torch.testing.assert_close(found_scores, scores[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(found_shifts, shifts, atol=1e-5, rtol=0)
    assert landmarks.shape == (5, 0, 2)


@torch.inference_mode()
def test_onet_is_facenet_pytorchs():
    x = random_input(5, 3, ONet.side, ONet.side)
    shifts, landmarks, scores = theirs.ONet()(x)
    found_scores, found_shifts, found_landmarks = with_weights(ONet(), CPU)(x)
    torch.testing.assert_close(found_scores, scores[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(found_shifts, shifts, atol=1e-5, rtol=0)
    torch.testing.assert_close(found_landmarks[..., 0], landmarks[:, :5], atol=1e-5, rtol=0)
    torch.testing.assert_close(found_landmarks[..., 1], landmarks[:, 5:], atol=1e-5, rtol=0)


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(paths, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install facenet-pytorch==2.5.3"):
        with_weights(PNet(), CPU)


def test_weights_of_another_network_are_refused(monkeypatch):
    monkeypatch.setattr(PNet, "file", "rnet.pt")
    with pytest.raises((RuntimeError, ValueError)):
        with_weights(PNet(), CPU)
