"""Static int8 for ONNX Runtime: weights and activations in 8 bits, the ranges measured on real faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from course_lib.export.calibration import check_calibration
from course_lib.export.embedder_file import taken_by
from course_lib.export.onnx_file import INPUT, import_onnx, strip, write_whole
from course_lib.export.packages import aloud, quietly
from course_lib.paths import expanded
from course_lib.progress import Progress


@dataclass(frozen=True)
class Scheme:
    """How numbers become 8 bits.

    Attributes:
        per_channel: a scale for each output channel of a weight, in place of one for all of it.
        percentile: of an activation's absolute values, what lies beyond is clipped; None takes the smallest and the
            largest value seen.
    """

    per_channel: bool = True
    percentile: float | None = 99.99


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
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quant_pre_process, quantize_static

    check_calibration(calibration, taken_by(onnx_path))
    options = {"ActivationSymmetric": False, "CalibPercentile": scheme.percentile}
    with (
        TemporaryDirectory() as folder,
        aloud() as log,
        Progress(calibration, desc="calibrating", unit="image", leave=False, file=log) as bar,
        quietly(),
    ):
        prepared, result = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(onnx_path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(result),
            _Reader(bar),
            quant_format=QuantFormat.QDQ,
            per_channel=scheme.per_channel,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax if scheme.percentile is None else CalibrationMethod.Percentile,
            extra_options={name: value for name, value in options.items() if value is not None},
        )
        proto = onnx.load(result)
    strip(proto)
    onnx.checker.check_model(proto)
    return write_whole(proto.SerializeToString(), path)


class _Reader:
    """Calibration images one by one, as ONNX Runtime asks for them."""

    def __init__(self, images: Iterable[np.ndarray]) -> None:
        self._images: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._images, None)
        return None if image is None else {INPUT: image[None]}
