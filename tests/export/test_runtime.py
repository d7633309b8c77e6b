"""Every kind of file embeds as its own library does, and what is no face embedder is refused."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from onnx_files import mean_colour

from course_lib import backbones, weights
from course_lib.data import ImageSet, normalise
from course_lib.export import Runtime
from course_lib.export.runtimes import Loaded
from course_lib.training import embed, save_weights

NAME = "mobilefacenet_075_relu"
SMALL = {"width": 0.25, "embedding_dim": 16}


def some(n: int = 3, shape: tuple[int, int, int] = (3, 112, 112)) -> ImageSet:
    images = torch.randint(256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet(images, torch.zeros(n, dtype=torch.int64), ("somebody",), "noise")


@pytest.mark.parametrize("flip", [True, False])
def test_a_network_in_memory_embeds_as_in_training(flip):
    network, faces = Runtime.of(weights.load(NAME), NAME), some(5)
    assert (network.name, network.path, network.input_size, network.in_channels) == (NAME, None, (112, 112), 3)
    found = network.embed(faces, flip=flip, batch_size=2)
    expected = embed(weights.load(NAME), faces, flip=flip)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_onnx_file_is_run_by_onnx_runtime():
    file, faces = weights.int8_file(NAME), some(3)
    images = normalise(faces.images).numpy()
    session = onnxruntime.InferenceSession(file)
    both = [session.run(None, {"images": pixels})[0] for pixels in (images, images[..., ::-1].copy())]
    np.testing.assert_allclose(Runtime(file).embed(faces, flip=True), both[0] + both[1], rtol=1e-5)
    np.testing.assert_array_equal(Runtime(str(file), threads=1).embed(faces.images), both[0])


def test_weights_are_put_into_the_architecture_that_is_named(tmp_path):
    backbone = backbones.create("mobilefacenet", seed=3, **SMALL).eval()
    save_weights(backbone, tmp_path / "mine.safetensors")
    network = Runtime(tmp_path / "mine.safetensors", architecture="mobilefacenet", options=SMALL)
    assert network.name == "mine.safetensors" and repr(network) == "Runtime(mine.safetensors: 3x112x112)"
    np.testing.assert_allclose(network.embed(some()), embed(backbone, some()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", ["N", 1])
def test_any_onnx_file_that_takes_faces_is_run(batch, tmp_path):
    network = Runtime(mean_colour(tmp_path / "mean.onnx", [3, 8, 6], batch=batch))
    assert (network.name, network.input_size, network.in_channels) == ("mean.onnx", (8, 6), 3)
    faces = some(4, (3, 8, 6))
    expected = normalise(faces.images).mean((2, 3)).numpy()
    np.testing.assert_allclose(network.embed(faces), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("batch", "size", "kind"),
    [(2, [3, 8, 8], 1), ("N", [4, 8, 8], 1), ("N", [3, "h", 8], 1), ("N", [8, 8, 3], 1), ("N", [3, 8, 8], 10)],
)
def test_an_onnx_file_that_takes_something_else_is_refused(batch, size, kind, tmp_path):
    with pytest.raises(ValueError, match=r"x\.onnx takes pixels: .*expected one float input"):
        Runtime(mean_colour(tmp_path / "x.onnx", size, batch=batch, kind=kind))


def test_an_onnx_file_that_is_no_embedder_is_refused(tmp_path):
    """A detector has several outputs, and a network that draws a map gives more than a row a face."""
    with pytest.raises(ValueError, match=r"x\.onnx is no embedder: it gives .*expected one float output"):
        Runtime(mean_colour(tmp_path / "x.onnx", [3, 8, 8], outputs=2))
    values = [helper.make_tensor_value_info(name, 1, ["N", 3, 8, 8]) for name in ("pixels", "map")]
    graph = helper.make_graph([helper.make_node("Relu", ["pixels"], ["map"])], "map", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    with pytest.raises(ValueError, match=r"m\.onnx is no embedder: it gives map: tensor\(float\)"):
        Runtime(tmp_path / "m.onnx")


def test_how_an_ending_is_written_does_not_count(tmp_path):
    (tmp_path / "MODEL.ONNX").write_bytes(weights.int8_file(NAME).read_bytes())
    assert Runtime(tmp_path / "MODEL.ONNX").name == "MODEL.ONNX"


def test_what_is_no_network_is_refused(tmp_path):
    for name in ("none.onnx", "none.safetensors"):
        with pytest.raises(FileNotFoundError, match=rf"{name} is not there"):
            Runtime(tmp_path / name, architecture="mobilefacenet" if name.endswith("s") else None)
    with pytest.raises(ValueError, match=r"x\.pkl is of no known kind; expected a file \.safetensors or \.onnx"):
        Runtime(tmp_path / "x.pkl")
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"x\.onnx is no ONNX file"):
        Runtime(tmp_path / "x.onnx")
    with pytest.raises(ValueError, match=r"an architecture is given, but .*x\.onnx has its own"):
        Runtime(tmp_path / "x.onnx", architecture="mobilefacenet")
    (tmp_path / "x.safetensors").write_bytes(b"no model")
    with pytest.raises(ValueError, match="holds weights but not the network's name; give the architecture, one of"):
        Runtime(tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"x\.safetensors is no safetensors file"):
        Runtime(tmp_path / "x.safetensors", architecture="mobilefacenet")
    with pytest.raises(ValueError, match="has no option depth"):
        Runtime(tmp_path / "x.safetensors", architecture="mobilefacenet", options={"depth": 3})


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(share, tmp_path):
    for whole in (weights.int8_file(NAME), weights.FOLDER / f"{NAME}.safetensors"):
        cut = tmp_path / whole.name
        cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        architecture = "mobilefacenet_relu" if whole.suffix == ".safetensors" else None
        with pytest.raises(ValueError, match=f"{whole.name} is no .* file"):
            Runtime(cut, architecture=architecture)


def test_a_runtime_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"onnxruntime, which runs .*int8\.onnx, is not installed; pip"):
        Runtime(weights.int8_file(NAME))


def test_faces_that_do_not_fit_and_numbers_that_are_none_are_named():
    network = Runtime.of(weights.load(NAME), "broken")
    network._set("broken", None, Loaded(lambda images: images.mean((2, 3)).log(), (8, 8), 1))
    for wrong, message in (
        (some(1, (3, 8, 8)), r"the faces are \(3, 8, 8\), but broken takes \(1, 8, 8\)"),
        (torch.zeros(0, 1, 8, 8, dtype=torch.uint8), "there are no faces to embed"),
        (torch.zeros(1, 1, 8, 8), r"the faces are torch\.float32 \(1, 1, 8, 8\); expected a uint8 tensor"),
        (np.zeros((8, 8), np.uint8), r"the faces are uint8 \(8, 8\); expected a uint8 tensor"),
    ):
        with pytest.raises(ValueError, match=message):
            network.embed(wrong)
    images = torch.full((70, 1, 8, 8), 200, dtype=torch.uint8)
    images[67] = 0
    with pytest.raises(ValueError, match=r"broken: the embedding of face 67 is not finite \(1 are not\)"):
        network.embed(images)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_enough(wrong):
    network = Runtime.of(weights.load(NAME), "broken")

    def forward(images):
        return torch.cat([torch.ones(len(images), 3), torch.where(images.amax((1, 2, 3)) > 0, wrong, 1.0)[:, None]], 1)

    network._set("broken", None, Loaded(forward, (8, 8), 1))
    images = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)
    assert network.embed(images).tolist() == [[1, 1, 1, 1]] * 5
    images[[2, 4]] = 255
    with pytest.raises(ValueError, match=r"broken: the embedding of face 2 is not finite \(2 are not\)"):
        network.embed(images)
