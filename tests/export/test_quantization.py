from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from course_lib import backbones, data, export


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    grey = data.orl_faces().resized(48, 48).images[:120]
    return data.normalise(grey.repeat(1, 3, 1, 1)).numpy()


@pytest.fixture(scope="module")
def network(faces: np.ndarray) -> nn.Module:
    net = backbones.create("mobilefacenet_relu", width=0.25, embedding_dim=24, input_size=48, seed=0)
    with torch.no_grad():
        for _ in range(20):
            net(torch.from_numpy(faces))
    return net.eval()


@pytest.fixture(scope="module")
def fp32(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.to_onnx(network, tmp_path_factory.mktemp("fp32") / "network.onnx")


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


def test_other_files_are_refused(faces, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"write it with export\.to_onnx"):
        export.quantize(tmp_path / "none.onnx", faces, tmp_path / "int8.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07broken")
    with pytest.raises(ValueError, match=r"broken\.onnx"):
        export.quantize(broken, faces, tmp_path / "int8.onnx")
