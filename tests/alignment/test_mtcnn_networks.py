from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from recorded_mtcnn import INPUTS, network_input, recorded
from safetensors.torch import load_file, save_file

from course_lib.alignment import mtcnn_networks
from course_lib.alignment.mtcnn_networks import WEIGHTS, ONet, PNet, RNet, with_weights

PARAMETERS = {PNet: 6_632, RNet: 100_178, ONet: 389_040}
NETWORKS = {network.__name__: network for network in PARAMETERS}
CPU = torch.device("cpu")


@pytest.mark.parametrize("network", PARAMETERS)
def test_the_number_of_parameters(network):
    assert sum(parameter.numel() for parameter in network().parameters()) == PARAMETERS[network]


@pytest.mark.parametrize("name", INPUTS)
@torch.inference_mode()
def test_the_networks_are_facenet_pytorchs(name):
    """Beside what was recorded of facenet-pytorch; `make parity` compares with the package itself."""
    expected = recorded()[name]
    scores, shifts, *landmarks = with_weights(NETWORKS[INPUTS[name][0]](), CPU)(network_input(name))
    np.testing.assert_allclose(scores, expected["scores"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(shifts, expected["shifts"], atol=1e-5, rtol=0)
    if name == "onet":
        np.testing.assert_allclose(landmarks, expected["landmarks"], atol=1e-5, rtol=0)
    assert not landmarks or landmarks[0].shape == (5, 5 if name == "onet" else 0, 2)
    assert np.std(expected["scores"]) > 1e-3, "the comparison is of something"


def test_the_shipped_file_is_the_one_on_record_with_its_licence():
    record = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["written"] == {WEIGHTS.name: hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()}
    assert record["parameters"] == sum(PARAMETERS.values())
    licence = WEIGHTS.with_suffix(".LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("MIT License") and "Copyright (c) 2019 Timothy Esler" in licence


def test_missing_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(mtcnn_networks, "WEIGHTS", tmp_path / "mtcnn.safetensors")
    with pytest.raises(FileNotFoundError, match=r"mtcnn\.safetensors is missing, MTCNN's weights: install"):
        with_weights(PNet(), CPU)


@pytest.mark.parametrize("change", ["another network", "a tensor less"])
def test_weights_of_another_network_are_refused(monkeypatch, tmp_path, change):
    stored = load_file(WEIGHTS)
    if change == "another network":
        stored = {name.replace("rnet.", "pnet."): tensor for name, tensor in stored.items() if "rnet" in name}
    else:
        del stored["pnet.heads.bias"]
    monkeypatch.setattr(mtcnn_networks, "WEIGHTS", tmp_path / "mtcnn.safetensors")
    save_file(stored, mtcnn_networks.WEIGHTS)
    with pytest.raises(RuntimeError, match=r"heads\.(bias|weight)"):
        with_weights(PNet(), CPU)
