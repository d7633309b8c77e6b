"""Export: a trained network as a small file that runs without PyTorch."""

from __future__ import annotations

from course_lib.export.budget import Verdict
from course_lib.export.executorch_file import to_executorch
from course_lib.export.file_report import FileReport, Report, report
from course_lib.export.litert_file import to_litert
from course_lib.export.onnx_file import to_onnx
from course_lib.export.quantization import Scheme, quantize
from course_lib.export.runtime import Runtime
from course_lib.training.inference import folded

__all__ = [
    "FileReport",
    "Report",
    "Runtime",
    "Scheme",
    "Verdict",
    "folded",
    "quantize",
    "report",
    "to_executorch",
    "to_litert",
    "to_onnx",
]
