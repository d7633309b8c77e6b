from __future__ import annotations

import tracemalloc
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType, quant_pre_process, quantize_static

from course_lib import export


def embeddings(file: Path, images: np.ndarray) -> np.ndarray:
    found = onnxruntime.InferenceSession(file).run(None, {"images": images})[0]
    return found - found.mean(0)


def agreement(fp32: Path, int8: Path, images: np.ndarray) -> float:
    exact, rounded = embeddings(fp32, images), embeddings(int8, images)
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)
    return float(((exact * rounded).sum(1) / lengths).mean())


@pytest.mark.parametrize("scheme", [export.Scheme(), export.Scheme(percentile=None), export.Scheme(per_channel=False)])
def test_the_file_shrinks_and_the_embeddings_stay(fp32, faces, tmp_path, scheme, capsys):
    int8 = export.quantize(fp32, faces[:64], tmp_path / "int8.onnx", scheme=scheme)
    # Per channel 0.90 and more; one scale for a whole depthwise weight is coarse.
    assert agreement(fp32, int8, faces[64:]) > (0.8 if scheme.per_channel else 0.3)
    kinds = {tensor.data_type for tensor in onnx.load(int8).graph.initializer if np.prod(tensor.dims) > 600}
    assert onnx.TensorProto.FLOAT not in kinds, "a large tensor was left in 32 bits"
    assert int8.stat().st_size < 0.6 * fp32.stat().st_size
    assert not capsys.readouterr().out
    proto = onnx.load(int8)
    parts = [proto, proto.graph, *proto.graph.node, *proto.graph.initializer]
    assert not any(part.metadata_props or part.doc_string for part in parts) and not proto.graph.value_info


def scales(file: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scale and zero point of what is rounded, by its name."""
    graph = onnx.load(file).graph
    numbers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kinds = ("QuantizeLinear", "DequantizeLinear")
    nodes = [node for node in graph.node if node.op_type in kinds]
    return {node.input[0]: (numbers[node.input[1]], numbers[node.input[2]]) for node in nodes}


def test_weights_are_signed_and_activations_unsigned_over_the_range_that_was_seen(fp32, faces, tmp_path):
    """By hand: 255 steps from the smallest to the largest pixel, and the zero where no light is."""
    given = faces[:32] * np.float32(0.7) + np.float32(0.2)
    low, high = float(given.min()), float(given.max())
    found = {}
    for name, scheme in {
        "all": export.Scheme(percentile=None),
        "clipped": export.Scheme(percentile=90),
        "one": export.Scheme(per_channel=False, percentile=None),
    }.items():
        found[name] = scales(export.quantize(fp32, given, tmp_path / f"{name}.onnx", scheme=scheme))
        kinds = {key: zero.dtype for key, (_, zero) in found[name].items()}
        assert kinds["images"] == np.uint8 and {np.dtype(np.uint8), np.dtype(np.int8)} <= set(kinds.values())
        weights = {key: scale for key, (scale, zero) in found[name].items() if zero.dtype == np.int8}
        assert weights and all((scale.size > 1) == scheme.per_channel for scale in weights.values() if scale.size)
    scale, zero = found["all"]["images"]
    assert scale == pytest.approx((high - low) / 255, rel=1e-5) and zero == round(-low / scale)
    assert found["clipped"]["images"][0] < 0.95 * scale


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((40, 3, 32, 32), np.float32), r"float32 \(40, 3, 32, 32\); expected float32 \(N, \[3, 48, 48\]\)"),
        (np.zeros((40, 3, 48, 48), np.uint8), "calibration images are uint8"),
        (np.zeros((4, 3, 48, 48), np.float32), "there are 4 calibration images; expected at least 16"),
        (np.zeros((40, 3, 48, 48), np.float32), "are all the same"),
        (np.full((40, 3, 48, 48), 200, np.float32), r"leave -1\.\.1; give them as course_lib\.data\.normalise"),
        (np.full((40, 3, 48, 48), np.nan, np.float32), r"leave -1\.\.1"),
    ],
)
def test_calibration_that_tells_nothing_is_refused(fp32, tmp_path, images, message):
    with pytest.raises(ValueError, match=message):
        export.quantize(fp32, images, tmp_path / "int8.onnx")
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(fp32, faces, tmp_path):
    out = tmp_path / "int8.onnx"
    with pytest.raises(FileNotFoundError, match=r"write it with export\.to_onnx"):
        export.quantize(tmp_path / "none.onnx", faces, out)
    broken = tmp_path / "broken.onnx"
    for content in (b"\x08\x07broken", b"", fp32.read_bytes()[: fp32.stat().st_size // 2]):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.onnx is no ONNX file .*write it with export\.to_onnx"):
            export.quantize(broken, faces, out)
    int8 = export.quantize(fp32, faces[:16], out)
    with pytest.raises(ValueError, match=r"int8\.onnx is quantised already; give the file in 32 bits"):
        export.quantize(int8, faces, tmp_path / "twice.onnx")


def onnx_file(path: Path, *nodes: onnx.NodeProto, taken: str = "images", axes: int = 2) -> Path:
    """A file of so many nodes, which takes faces of 48x48; the weights of its convolutions and batch norms are ones."""
    ones = {"kernel": (4, 3, 3, 3), **dict.fromkeys(("scale", "bias", "mean", "variance"), (4,))}
    weights = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in ones.items()]
    values = [(taken, [1, 3, 48, 48]), (nodes[-1].output[0], [1, 4, 46, 46] if axes == 4 else [1, 4 * 46 * 46])]
    infos = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in values]
    graph = helper.make_graph(nodes, "made", infos[:1], infos[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_what_is_no_embedder_is_refused(faces, tmp_path):
    """A network that draws a map, and another library's embedder, which names its input differently."""
    convolution = helper.make_node("Conv", ["images", "kernel"], ["map"])
    with pytest.raises(ValueError, match=r"map\.onnx is no embedder: it gives {'map': 4} \(name: axes\)"):
        export.quantize(onnx_file(tmp_path / "map.onnx", convolution, axes=4), faces, tmp_path / "int8.onnx")
    other = [helper.make_node("Conv", ["data", "kernel"], ["map"]), helper.make_node("Flatten", ["map"], ["out"])]
    with pytest.raises(ValueError, match=r"data\.onnx takes \['data'\]; expected one input, 'images'"):
        export.quantize(onnx_file(tmp_path / "data.onnx", *other, taken="data"), faces, tmp_path / "int8.onnx")


def test_a_batch_norm_that_was_not_folded_is_refused(faces, tmp_path):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["map"]),
        helper.make_node("BatchNormalization", ["map", "scale", "bias", "mean", "variance"], ["normal"]),
        helper.make_node("Flatten", ["normal"], ["out"]),
    ]
    with pytest.raises(ValueError, match=r"unfolded\.onnx has 1 batch norms right after a convolution"):
        export.quantize(onnx_file(tmp_path / "unfolded.onnx", *nodes), faces, tmp_path / "int8.onnx")


def by_onnxruntime(fp32: Path, images: np.ndarray, percentile: float, folder: Path) -> Path:
    """What ONNX Runtime's own calibrator makes of it, which keeps all activations of all images."""
    quant_pre_process(str(fp32), str(folder / "prepared.onnx"), skip_symbolic_shape=True)
    quantize_static(
        str(folder / "prepared.onnx"),
        str(folder / "own.onnx"),
        SimpleNamespace(get_next=partial(next, iter([{"images": image[None]} for image in images]), None)),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"ActivationSymmetric": False, "CalibPercentile": percentile},
    )
    return folder / "own.onnx"


@pytest.mark.parametrize("percentile", [0, -1, 100.5, float("nan")])
def test_what_is_no_percentile_is_refused(percentile):
    with pytest.raises(ValueError, match="expected over 0 and at most 100, or None"):
        export.Scheme(percentile=percentile)


@pytest.mark.parametrize("percentile", [99.99, 90.0, 100.0])
def test_the_percentiles_are_those_of_onnx_runtime(fp32, faces, tmp_path, percentile):
    ours = export.quantize(fp32, faces[:32], tmp_path / "i.onnx", scheme=export.Scheme(percentile=percentile))
    found, expected = scales(ours), scales(by_onnxruntime(fp32, faces[:32], percentile, tmp_path))
    assert list(found) == list(expected) and len(found) > 20
    for name, numbers in expected.items():
        assert all(map(np.array_equal, found[name], numbers)), name


@pytest.mark.parametrize("scheme", [export.Scheme(), export.Scheme(percentile=None)])
def test_memory_does_not_grow_with_the_images(fp32, faces, tmp_path, scheme):
    """Nor do the activations of the first images stay while others are run."""
    peaks = []
    for n in (16, 48):
        tracemalloc.start()
        export.quantize(fp32, faces[:n], tmp_path / "i.onnx", scheme=scheme)
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 5
