"""A network is found by its name or file, and embeds as its own library does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from course_lib import backbones, weights
from course_lib.data import ImageSet, normalise
from course_lib.training import embed, save_weights
from course_lib.verify import Network, embed_faces, load_network

NAME = "mobilefacenet_075_relu"
SMALL = {"width": 0.25, "embedding_dim": 16}


def some(n: int = 3, shape: tuple[int, int, int] = (3, 112, 112)) -> ImageSet:
    images = torch.randint(256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet(images, torch.zeros(n, dtype=torch.int64), ("somebody",), "noise")


@pytest.mark.parametrize("flip", [True, False])
def test_a_shipped_model_embeds_as_in_training(flip: bool) -> None:
    network, faces = load_network(NAME), some(5)
    assert (network.name, network.input_size, network.in_channels) == (NAME, (112, 112), 3)
    found = embed_faces(network, faces, flip=flip, batch_size=2)
    expected = embed(weights.load(NAME), faces, flip=flip)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_shipped_model_in_8_bits_is_run_by_onnx_runtime() -> None:
    network, faces = load_network(f"{NAME}.int8"), some(3)
    images = normalise(faces.images).numpy()
    session = onnxruntime.InferenceSession(weights.int8_file(NAME))
    both = [session.run(None, {"images": pixels})[0] for pixels in (images, images[..., ::-1].copy())]
    np.testing.assert_allclose(embed_faces(network, faces), both[0] + both[1], rtol=1e-5)
    path = str(weights.int8_file(NAME))
    np.testing.assert_array_equal(embed_faces(load_network(path), faces), embed_faces(network, faces))


def test_weights_are_put_into_the_architecture_that_is_named(tmp_path: Path) -> None:
    backbone = backbones.create("mobilefacenet", seed=3, **SMALL).eval()
    save_weights(backbone, tmp_path / "mine.safetensors")
    network = load_network(str(tmp_path / "mine.safetensors"), architecture="mobilefacenet", options=SMALL)
    assert network.name == "mine.safetensors"
    np.testing.assert_allclose(embed_faces(network, some(), flip=False), embed(backbone, some()), rtol=1e-4, atol=1e-5)


def onnx_file(path: Path, batch: int | str, size: list[int], kind: int = TensorProto.FLOAT) -> Path:
    """The mean colour as the embedding."""
    taken = helper.make_tensor_value_info("pixels", kind, [batch, *size])
    given = helper.make_tensor_value_info("out", kind, None)
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    graph = helper.make_graph(nodes, "mean", [taken], [given])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("batch", ["N", 1])
def test_any_onnx_file_that_takes_faces_is_run(batch: int | str, tmp_path: Path) -> None:
    network = load_network(str(onnx_file(tmp_path / "mean.onnx", batch, [3, 8, 6])))
    assert (network.name, network.input_size, network.in_channels) == ("mean.onnx", (8, 6), 3)
    faces = some(4, (3, 8, 6))
    expected = normalise(faces.images).mean((2, 3)).numpy()
    np.testing.assert_allclose(embed_faces(network, faces, flip=False), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("batch", "size", "kind"),
    [(2, [3, 8, 8], 1), ("N", [4, 8, 8], 1), ("N", [3, "h", 8], 1), ("N", [8, 8, 3], 1), ("N", [3, 8, 8], 10)],
)
def test_an_onnx_file_that_takes_something_else_is_refused(batch, size, kind, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.onnx takes pixels: .*expected one float input"):
        load_network(str(onnx_file(tmp_path / "x.onnx", batch, size, kind)))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"no model 'mobileface': expected {NAME}, {NAME}\.int8, or a file"):
        load_network("mobileface")
    for name in ("none.onnx", "none.safetensors"):
        with pytest.raises(FileNotFoundError, match=rf"{name} is not there"):
            load_network(str(tmp_path / name), architecture="mobilefacenet" if name.endswith("s") else None)
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"x\.onnx is no ONNX file"):
        load_network(str(tmp_path / "x.onnx"))
    (tmp_path / "x.safetensors").write_bytes(b"no model")
    with pytest.raises(ValueError, match="holds weights but not the network's name; give the architecture, one of"):
        load_network(str(tmp_path / "x.safetensors"))
    with pytest.raises(ValueError, match=r"x\.safetensors is no safetensors file"):
        load_network(str(tmp_path / "x.safetensors"), architecture="mobilefacenet")
    with pytest.raises(ValueError, match="has no option depth"):
        load_network(str(tmp_path / "x.safetensors"), architecture="mobilefacenet", options={"depth": 3})
    with pytest.raises(ValueError, match="an architecture is given, but mobilefacenet_075_relu has its own"):
        load_network(NAME, architecture="mobilefacenet")


def test_faces_that_do_not_fit_and_numbers_that_are_none_are_named() -> None:
    network = Network("broken", (8, 8), 1, lambda images: 1 / images.mean((2, 3)).where(images.mean((2, 3)) > 0, 0))
    with pytest.raises(ValueError, match=r"the faces are \(3, 8, 8\), but broken takes \(1, 8, 8\)"):
        embed_faces(network, some(1, (3, 8, 8)))
    images = torch.full((70, 1, 8, 8), 200, dtype=torch.uint8)
    images[67] = 0
    faces = ImageSet(images, torch.zeros(70, dtype=torch.int64), ("x",), "")
    with pytest.raises(ValueError, match=r"broken: the embedding of face 67 is not finite \(1 are not\)"):
        embed_faces(network, faces)
