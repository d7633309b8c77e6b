"""Static int8 for ONNX Runtime: weights and activations in 8 bits, the ranges measured on real faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from course_lib.export.activation_ranges import activation_ranges
from course_lib.export.calibration import check_calibration
from course_lib.export.embedder_file import taken_by
from course_lib.export.onnx_file import import_onnx, strip, write_whole
from course_lib.export.packages import aloud, quietly
from course_lib.paths import expanded


@dataclass(frozen=True)
class Scheme:
    """How numbers become 8 bits.

    Attributes:
        per_channel: a scale for each output channel of a weight, in place of one for all of it.
        percentile: of an activation's absolute values, over 0 and at most 100: what lies beyond is clipped; None takes
            the smallest and the largest value seen.

    Raises:
        ValueError: the percentile is none.
    """

    per_channel: bool = True
    percentile: float | None = 99.99

    def __post_init__(self) -> None:
        if self.percentile is not None and not 0 < self.percentile <= 100:
            raise ValueError(f"percentile is {self.percentile}; expected over 0 and at most 100, or None")


def quantize(onnx_path: Path | str, calibration: np.ndarray, path: Path | str, *, scheme: Scheme | None = None) -> Path:
    """Write the int8 version of an ONNX file. Activations are unsigned and weights signed, which x86 runs fastest.

    Args:
        onnx_path: what ``to_onnx`` wrote.
        calibration: (N, C, H, W) float32, normalised as in training: faces of people who are not in the test.
        path: of the int8 file, written whole or not at all.
        scheme: per channel and the 99.99th percentile by default.

    Raises:
        ValueError: there are fewer than 16 calibration images, they are all alike, of another shape or range; or the
            file is damaged, in 8 bits already, no face embedder, or holds a batch norm that ought to be folded.
        FileNotFoundError: there is no such file.
    """
    onnx_path, scheme = expanded(onnx_path), scheme or Scheme()
    if not onnx_path.is_file():
        raise FileNotFoundError(f"{onnx_path} is not there; write it with export.to_onnx")
    onnx = import_onnx()
    from onnxruntime.quantization import QDQQuantizer, QuantType, quant_pre_process
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    check_calibration(calibration, taken_by(onnx_path))
    with TemporaryDirectory() as folder, aloud() as log, quietly():
        prepared, result = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(onnx_path), str(prepared), skip_symbolic_shape=True)
        quantizer = QDQQuantizer(
            onnx.load(prepared),
            per_channel=scheme.per_channel,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=activation_ranges(prepared, calibration, scheme.percentile, log),
            nodes_to_quantize=[],
            nodes_to_exclude=[],
            op_types_to_quantize=[*QLinearOpsRegistry, *QDQRegistry],
            extra_options={"ActivationSymmetric": False},
        )
        quantizer.quantize_model()
        quantizer.model.save_model_to_file(str(result))
        proto = onnx.load(result)
    strip(proto)
    onnx.checker.check_model(proto)
    return write_whole(proto.SerializeToString(), path)
