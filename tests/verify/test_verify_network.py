"""A network is found by its name or its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib import weights
from course_lib.training import embed
from course_lib.verify import load_network

NAME = "mobilefacenet_075_relu"


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return torch.randint(256, (3, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_shipped_model_is_found_by_its_name(faces):
    network = load_network(NAME)
    assert network.name == NAME
    np.testing.assert_allclose(network.embed(faces), embed(weights.load(NAME), faces), rtol=1e-4, atol=1e-5)


def test_the_shipped_model_in_8_bits_is_its_file(faces):
    by_name, by_file = load_network(f"{NAME}.int8"), load_network(str(weights.int8_file(NAME)))
    assert by_name.path == by_file.path
    np.testing.assert_array_equal(by_name.embed(faces), by_file.embed(faces))


def test_what_is_no_model_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=rf"no model 'mobileface': expected {NAME}, {NAME}\.int8, or a file"):
        load_network("mobileface")
    with pytest.raises(FileNotFoundError, match=r"none\.onnx is not there"):
        load_network(str(tmp_path / "none.onnx"))
    with pytest.raises(FileNotFoundError, match=r"NONE\.ONNX is not there"):
        load_network(str(tmp_path / "NONE.ONNX"))
    with pytest.raises(ValueError, match="an architecture is given, but mobilefacenet_075_relu has its own"):
        load_network(NAME, architecture="mobilefacenet")
