"""A network as a ``.tflite`` file for LiteRT, TensorFlow's runtime on telephones and microcontrollers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from torch import nn

from course_lib.export.calibration import check_calibration
from course_lib.export.network_input import takes
from course_lib.export.onnx_file import INPUT, OUTPUT, write_whole
from course_lib.export.packages import aloud, needed_for, quietly
from course_lib.progress import Progress
from course_lib.training.inference import folded

NEEDED = ("LiteRT files are written with it", "litert-export")
LEAST_WEIGHT = 1e-4  # of a channel's bias: enough for a bias in 32 bits, and too little to be seen in 8


def to_litert(model: nn.Module, calibration: np.ndarray | None, path: Path | str) -> Path:
    """Write ``model`` with TensorFlow's order of sides: (1, H, W, C) float32 -> (1, D) float32.

    Weights become int8 with a scale for each output channel, activations int8 with one scale and zero point each.

    Args:
        model: a backbone in evaluation mode, with the attributes ``in_channels`` and ``input_size``.
        calibration: (N, C, H, W) float32, normalised as in training: faces of people who are not in the test. None
            writes the network in 32 bits.
        path: of the file, written whole or not at all.

    Raises:
        ValueError: the model is in training mode or lacks such an attribute, or the calibration images are few, alike,
            or of another shape or range.
        ModuleNotFoundError: litert-torch or ai-edge-quantizer is not installed; the message names the extra.
    """
    channels, *size = takes(model)
    network = folded(model).cpu()
    if calibration is not None:
        check_calibration(calibration, (channels, *size))
        _revive(network)
    with aloud() as log, quietly():
        with needed_for(*NEEDED):
            import litert_torch
        channels_last = litert_torch.to_channel_last_io(network, args=[0]).eval()
        example = torch.zeros(1, *size, channels)
        content = litert_torch.convert(channels_last, (example,)).model_content()
        if calibration is not None:
            content = _quantized(content, calibration.transpose(0, 2, 3, 1), log)
        return write_whole(_stripped(content), path)


@torch.no_grad()
def _revive(network: nn.Module) -> None:
    """Give each output channel at least one weight that is not far smaller than the channel's bias.

    A bias is counted, in 32 bits, in steps of the weights' scale times the input's. Where training let the weights of
    a channel die, the steps are so small that the bias, all that is left of the channel, would not fit.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            weight, least = module.weight.view(len(module.weight), -1), LEAST_WEIGHT * module.bias.abs()
            dead = weight.abs().amax(1) < least
            weight[dead, 0] = least[dead]


class _Samples:
    """Calibration images for a quantizer that first goes through them to count them, and then to run them."""

    def __init__(self, images: np.ndarray, log: TextIO) -> None:
        self.images, self.log, self.counted = images, log, False

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """With a bar from the second time on."""
        images, self.counted, counted = iter(self.images), True, self.counted
        if counted:
            images = Progress(
                images, total=len(self.images), desc="calibrating", unit="image", leave=False, file=self.log
            )
        for image in images:
            yield {"args_0": image[None]}


def _quantized(content: bytes, images: np.ndarray, log: TextIO) -> bytes:
    """The file with weights and activations in 8 bits, but for its input and output; images (N, H, W, C)."""
    with needed_for(*NEEDED):
        from ai_edge_quantizer import qtyping, quantizer, recipe

    worker = quantizer.Quantizer(content, recipe.static_wi8_ai8())
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        worker.update_quantization_recipe(
            regex=".*", operation_name=end, algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE
        )
    ranges = worker.calibrate({"serving_default": _Samples(images, log)}, num_threads=1)
    return worker.quantize(ranges, enable_progress_report=False).quantized_model


def _stripped(content: bytes) -> bytes:
    """Without the names of what is between input and output: each tells the whole way to a layer in the source."""
    with needed_for(*NEEDED):
        from ai_edge_litert.tools import flatbuffer_utils

    model: Any = flatbuffer_utils.read_model_from_bytearray(content)
    (graph,) = model.subgraphs
    for tensor in graph.tensors:
        tensor.name = None
    graph.tensors[graph.inputs[0]].name, graph.tensors[graph.outputs[0]].name = INPUT, OUTPUT
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
