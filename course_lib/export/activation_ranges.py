"""The ranges of a network's activations on calibration images, with the activations of one image in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from course_lib.export.onnx_file import INPUT
from course_lib.progress import Progress

if TYPE_CHECKING:
    from onnxruntime.quantization import TensorsData

BINS = 2048  # of the histogram of a tensor, as in ONNX Runtime


def activation_ranges(onnx_path: Path, images: np.ndarray, percentile: float | None, log: TextIO) -> TensorsData:
    """The range of every activation: what ONNX Runtime's own calibrators find, to the bit.

    Its percentile is one of the absolute values, read from a histogram. But it keeps the activations of all images
    until it draws the histograms: 1.5 GB for 64 faces of 112x112. Here the images are run twice: for the ends of the
    histograms, and to fill them.

    Args:
        onnx_path: a file that ``quant_pre_process`` has prepared; beside it a copy that puts out all activations comes.
        images: (N, C, H, W) float32.
        percentile: over 0 and at most 100; None takes the smallest and the largest value, in one run.
        log: where the progress is shown.

    Example::

        ranges = activation_ranges(Path("prepared.onnx"), images, 99.99, sys.stderr)
        ranges["images"].range_value  # float32, the smallest and the largest
    """
    from onnxruntime.quantization import CalibrationMethod, TensorsData, create_calibrator

    augmented = str(onnx_path.with_suffix(".augmented.onnx"))
    calibrator = create_calibrator(
        onnx_path, augmented_model_path=augmented, calibrate_method=CalibrationMethod.Percentile
    )
    names = [output.name for output in calibrator.infer_session.get_outputs()]
    wanted = sorted(calibrator.tensors_to_calibrate)

    def activations() -> Iterator[tuple[str, np.ndarray]]:
        for image in Progress(images, desc="calibrating", unit="image", leave=False, file=log):
            found = dict(zip(names, calibrator.infer_session.run(None, {INPUT: image[None]}), strict=True))
            yield from ((name, found[name].ravel()) for name in wanted)

    signed, absolute = {name: _Ends() for name in wanted}, {name: _Ends() for name in wanted}
    for name, values in activations():
        signed[name].include(values)
        absolute[name].include(np.abs(values))
    if percentile is None:
        return TensorsData(CalibrationMethod.MinMax, {name: (ends.low, ends.high) for name, ends in signed.items()})
    counts, edges = {name: np.zeros(BINS, np.int64) for name in wanted}, {}
    for name, values in activations():
        counted, edges[name] = np.histogram(np.abs(values), BINS, range=(absolute[name].low, absolute[name].high))
        counts[name] += counted
    ranges = {}
    for name, ends in signed.items():
        place = np.searchsorted(np.cumsum(counts[name] / counts[name].sum()), percentile / 100)
        most = edges[name].astype(np.float32)[place]
        ranges[name] = (max(-most, ends.low), min(most, ends.high), *counts[name][:2])
    return TensorsData(CalibrationMethod.Percentile, ranges)


class _Ends:
    """The smallest and the largest of the values seen."""

    def __init__(self) -> None:
        self.low, self.high = np.float32(np.inf), np.float32(-np.inf)

    def include(self, values: np.ndarray) -> None:
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
