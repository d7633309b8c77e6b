"""Export: a trained network as a small file that runs without PyTorch."""

from __future__ import annotations

from course_lib.export.onnx_file import folded, to_onnx
from course_lib.export.quantization import Scheme, quantize

__all__ = ["Scheme", "folded", "quantize", "to_onnx"]
