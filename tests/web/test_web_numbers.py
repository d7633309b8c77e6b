"""What the page's JavaScript computes is what the library computes, step by step."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from orl_photographs import group, photograph, portraits, saved, tinted
from PIL import Image

from course_lib import weights
from course_lib.alignment import MTCNN, align, as_rgb, similarity, template, warp
from course_lib.alignment.jpeg_passes import passes

# Every call of `js` may use these names.
MODULES = """
  const [photograph, mtcnn, align, embed, networks] = await Promise.all(
    ["photograph", "mtcnn", "align", "embed", "networks"].map((name) => import(`/src/${name}.js`)));
  const run = (window.networksOfTheTests ??= await networks.loadNetworks());
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const image = ({ pixels, width, height }) => new ImageData(new Uint8ClampedArray(bytes(pixels)), width, height);
  const letters = (data) => Array.from(data, (value) => String.fromCharCode(value)).join("");
  const plain = ({ data, width, height }) => ({ data: btoa(letters(data)), width, height });
"""


@pytest.fixture(scope="module")
def js(browser, address) -> Iterator:
    """Run JavaScript that returns something, with ``given`` as the name of its input."""
    from chromium import Page

    page = Page(browser)
    page.open(address)

    def run(body: str, given: Any) -> Any:
        return page.run(f"(async () => {{ {MODULES} const given = {json.dumps(given)}; {body} }})()")

    yield run
    page.close()


@pytest.fixture(scope="module")
def embedder() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(weights.int8_file("mobilefacenet_075_relu"))


def embedded(session: onnxruntime.InferenceSession, crop: np.ndarray) -> np.ndarray:
    """The embedding of an aligned crop, of length one."""
    images = ((crop.astype(np.float32) - 127.5) / 128).transpose(2, 0, 1)[None]
    return unit(session.run(None, {"images": images})[0][0])


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector) / np.linalg.norm(vector)


def adding_saturates() -> bool:
    """Whether products of bytes are added in 16 bits, as on x86 processors without VNNI."""
    node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
    inputs = [
        helper.make_tensor_value_info("a", TensorProto.UINT8, [1, 64]),
        helper.make_tensor_value_info("b", TensorProto.INT8, [64, 16]),
    ]
    output = helper.make_tensor_value_info("c", TensorProto.INT32, [1, 16])
    graph = helper.make_graph([node], "product", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    given = {"a": np.full((1, 64), 255, np.uint8), "b": np.full((64, 16), 127, np.int8)}
    (product,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)
    return bool((product != 64 * 255 * 127).any())


def given_image(pixels: np.ndarray) -> dict[str, Any]:
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return {"pixels": coded(opaque.tobytes()), "width": pixels.shape[1], "height": pixels.shape[0]}


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def rgb(image: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(image["data"]), np.uint8).reshape(image["height"], image["width"], 4)[..., :3]


def farthest(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).max())


@pytest.mark.slow
def test_embeddings_of_the_same_crops_are_the_same(js, embedder):
    """To the last bit, but for ties: where the 8-bit sum of two branches lies halfway between two numbers, the native
    runtime may round up what WebAssembly rounds down, and layers later that is a few steps of 8 bits."""
    if adding_saturates():
        pytest.skip("ONNX Runtime's 8-bit sums saturate on this processor, those of WebAssembly do not")
    square = portraits()[::25, 10:102]
    crops = [tinted(np.array(Image.fromarray(face).convert("RGB").resize((112, 112)))) for face in square]
    found = js(
        "return Promise.all(given.map(async (crop) => [...await embed.embed(image(crop), run)]));",
        [given_image(crop) for crop in crops],
    )
    pairs = [(unit(there), embedded(embedder, crop)) for there, crop in zip(found, crops, strict=True)]
    assert len(pairs) == 16
    assert sum(farthest(there, here) < 1e-3 for there, here in pairs) >= 11  # about one in ten meets a tie
    assert min(there @ here for there, here in pairs) > 0.99


def test_the_warp_is_the_librarys_to_one_grey_value(js):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (310, 430, 3)).astype(np.uint8)  # as rough as can be
    for scale in (0.4, 1.0, 1.7, 2.1, 2.9, 9.0):  # from 2 on each pixel is the mean of several looks
        points = template() * scale + generator.normal(0, 3, (5, 2))
        found = js(
            "const matrix = align.similarity(given.points);"
            " return [matrix, plain(align.warp(image(given.image), matrix))];",
            {"points": points.tolist(), "image": given_image(pixels)},
        )
        matrix = similarity(points, template())
        ours = [[found[0]["p"], -found[0]["q"], found[0]["x"]], [found[0]["q"], found[0]["p"], found[0]["y"]]]
        assert farthest(ours, matrix) < 1e-9
        assert farthest(rgb(found[1]), warp(pixels, matrix)) <= 1


@pytest.mark.slow
def test_the_detector_finds_what_the_librarys_finds(js):
    detector = MTCNN()
    for pixels in (photograph(0), photograph(123, zoom=3), tinted(group(5, 70, 200, 310))):
        found = js("return mtcnn.detect(image(given), run);", given_image(pixels))
        expected = detector.detect(pixels)
        assert len(found) == len(expected) > 0
        for there, here in zip(found, expected, strict=True):
            assert farthest(there["box"], here.box) < 0.05 and farthest(there["landmarks"], here.landmarks) < 0.05
            assert there["score"] == pytest.approx(here.score, abs=1e-4)


def test_the_pyramid_has_the_librarys_levels(js):
    for height, width in ((250, 250), (19, 400), (1024, 768)):
        sizes = js("return mtcnn.pyramidSizes(...given);", [height, width])
        assert sizes == [list(size) for size in MTCNN().pyramid_sizes(height, width)]


COUNTED = """
  const { passes } = await import("/src/jpeg_passes.js");
  return given.map((content) => passes(bytes(content)));
"""


def test_passes_of_a_jpeg_are_counted_as_the_library_counts_them(js, tmp_path: Path):
    whole = saved(tinted(photograph(7)), tmp_path / "whole.jpg", progressive=True).read_bytes()
    random = np.random.default_rng(0)
    cut = [whole[:end] for end in random.integers(0, len(whole), 200)]
    noise = [whole[:2] + random.choice([0, 255, 217, 218, 208, 1], 60).astype(np.uint8).tobytes() for _ in range(200)]
    some = [
        whole,
        b"",
        b"\xff\xd8",
        b"\xff\xd8" + b"\xff" * 999 + b"\xda",
        whole[:-2] + 500 * whole[-50:],
        *cut,
        *noise,
    ]
    assert js(COUNTED, [coded(content) for content in some]) == [passes(content) for content in some]
    assert len({passes(content) for content in some}) > 10


FROM_THE_FILE = """
  const pixels = await photograph.readFile(new File([bytes(given)], "photograph"));
  const face = align.largest(await mtcnn.detect(pixels, run));
  const crop = align.warp(pixels, align.similarity(face.landmarks));
  return { read: plain(pixels), crop: plain(crop), embedding: [...await embed.embed(crop, run)] };
"""


def test_from_the_file_to_the_embedding(js, embedder, tmp_path: Path):
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: the camera was held upright
    files = [
        saved(tinted(photograph(7)), tmp_path / "colours.png"),
        saved(np.rot90(tinted(group(40, 90))), tmp_path / "turned.jpg", quality=95, exif=turned),
        saved(photograph(215, zoom=4)[..., 0], tmp_path / "grey.webp", lossless=True),
    ]
    detector = MTCNN()
    for file in files:
        found = js(FROM_THE_FILE, coded(file.read_bytes()))
        crop = align(file, detector)
        # Decoders of JPEG may round differently; the other formats lose nothing.
        assert farthest(rgb(found["read"]), as_rgb(file)) <= (3 if file.suffix == ".jpg" else 0), file.name
        assert np.abs(rgb(found["crop"]).astype(float) - crop.image).mean() < 0.5, file.name
        assert unit(found["embedding"]) @ embedded(embedder, crop.image) > 0.99, file.name


def test_a_large_photograph_is_scaled_down_and_gives_nearly_the_same(js, embedder, tmp_path: Path):
    file = saved(photograph(215, zoom=12), tmp_path / "large.png")
    found = js(FROM_THE_FILE, coded(file.read_bytes()))
    assert max(found["read"]["width"], found["read"]["height"]) == 1024
    assert unit(found["embedding"]) @ embedded(embedder, align(file, MTCNN()).image) > 0.95
