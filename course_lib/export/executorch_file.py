"""A network as a ``.pte`` file for ExecuTorch, which runs PyTorch's programs on telephones and smaller devices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.export.calibration import check_calibration
from course_lib.export.network_input import takes
from course_lib.export.onnx_file import write_whole
from course_lib.export.packages import aloud, needed_for, quietly
from course_lib.progress import Progress
from course_lib.training.inference import folded

NEEDED = ("ExecuTorch files are written with it", "executorch")
# Of a weight's channel. The quantizer's own, 2**-12, leaves few steps to a channel whose weights are all below 0.03.
LEAST_SCALE = 2**-20


def to_executorch(model: nn.Module, calibration: np.ndarray | None, path: Path | str) -> Path:
    """Write ``model`` for XNNPACK, ExecuTorch's kernels for processors: (1, C, H, W) float32 -> (1, D) float32.

    Weights become int8 with a scale for each output channel, activations int8 with one scale and zero point each.

    Args:
        model: a backbone in evaluation mode, with the attributes ``in_channels`` and ``input_size``.
        calibration: (N, C, H, W) float32, normalised as in training: faces of people who are not in the test. None
            writes the network in 32 bits.
        path: of the file, written whole or not at all.

    Raises:
        ValueError: the model is in training mode or lacks such an attribute, or the calibration images are few, alike,
            or of another shape or range.
        ModuleNotFoundError: executorch is not installed; the message names the extra.
    """
    shape = takes(model)
    network = folded(model).cpu()
    if calibration is not None:
        check_calibration(calibration, shape)
    example = (torch.zeros(1, *shape),)
    with (
        aloud() as log,
        Progress(
            desc="to ExecuTorch", total=3 if calibration is None else 4, unit="step", leave=False, file=log
        ) as bar,
        quietly(),
    ):
        with needed_for(*NEEDED):
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower
        program = torch.export.export(network, example)
        bar.update()
        if calibration is not None:
            quantized = _quantized(program.module(), torch.from_numpy(calibration), log)
            program = torch.export.export(quantized, example)
            bar.update()
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        bar.update()
        written = write_whole(lowered.to_executorch().buffer, path)
        bar.update()
        return written


@torch.no_grad()
def _quantized(graph: nn.Module, images: Tensor, log: TextIO) -> nn.Module:
    """The graph with weights in 8 bits, and the range of every activation measured on the images."""
    with needed_for(*NEEDED):
        from executorch.backends.xnnpack.quantizer import xnnpack_quantizer
        from torchao.quantization.pt2e import PerChannelMinMaxObserver
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    settings = xnnpack_quantizer.get_symmetric_quantization_config(is_per_channel=True)
    observer = PerChannelMinMaxObserver.with_args(eps=LEAST_SCALE)
    settings = replace(settings, weight=replace(settings.weight, observer_or_fake_quant_ctr=observer))
    observed = prepare_pt2e(graph, xnnpack_quantizer.XNNPACKQuantizer().set_global(settings))
    for image in Progress(images, desc="calibrating", unit="image", leave=False, file=log):
        observed(image[None])
    return convert_pt2e(observed)
