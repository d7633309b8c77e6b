"""An interpreter with LiteRT's calls, for a network written out here: TensorFlow's layout, its padding, its PReLU."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch
from torch.nn.functional import conv2d, pad

# (out, kernel, stride, depthwise, bent) of the file's 52 convolutions, as the architecture's drawing lists them.
BOTTLENECK_ROWS = ((128, 64, 2, False), *[(128, 64, 1, True)] * 4, (256, 128, 2, False), *[(256, 128, 1, True)] * 6)
BOTTLENECK_ROWS += ((512, 128, 2, False), *[(256, 128, 1, True)] * 2)


class Interpreter:
    """Random weights from a seed; the file's content is the seed."""

    def __init__(self, path: str, num_threads: int) -> None:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not text.startswith("seed"):
            raise ValueError("Could not open the file")
        self.generator = torch.Generator().manual_seed(int(text.split()[1]))
        self.wide_head = "wide" in text
        self.tensors: list[torch.Tensor] = []
        self.operations: list[dict] = []
        self.steps: list = []

    def allocate_tensors(self) -> None:
        self._convolution(64, 3, 3, stride=2)
        self._convolution(64, 64, 3, depthwise=True)
        channels = self._convolution(64, 64, 1, bent=False)
        for hidden, out, stride, is_added in BOTTLENECK_ROWS:
            self.steps.append("keep")
            self._convolution(hidden, channels, 1)
            self._convolution(hidden, hidden, 3, stride=stride, depthwise=True)
            channels = self._convolution(out, hidden, 1, bent=False)
            self.steps.append("add" if is_added else "drop")
        self._convolution(512, channels, 1)
        self._convolution(512, 512, 7, depthwise=True, bent=False, is_valid=True)
        self._convolution(512, 512, 1, bent=False)
        self._convolution(200 if self.wide_head else 192, 512, 1, bent=False)

    def _convolution(self, out, channels, kernel, stride=1, depthwise=False, bent=True, is_valid=False) -> int:
        inner = 1 if depthwise else channels
        weight = torch.randn(out, inner, kernel, kernel, generator=self.generator) / (inner * kernel**2) ** 0.5
        bias, slopes = torch.randn(2, out, generator=self.generator) / 5
        order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
        first = len(self.tensors)
        self.tensors += [weight.permute(*order).contiguous(), bias, slopes / 2]
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        self.operations.append({"op_name": name, "inputs": np.array([-1, first, first + 1])})
        if bent:
            self.operations.append({"op_name": "MUL", "inputs": np.array([first + 2, -1])})
        self.steps.append((weight, bias, slopes if bent else None, stride, out if depthwise else 1, is_valid))
        return out

    def _get_ops_details(self) -> list[dict]:
        return self.operations

    def tensor(self, index: int):
        return lambda: self.tensors[index].numpy()

    def get_input_details(self) -> list[dict]:
        return [{"index": "in"}]

    def get_output_details(self) -> list[dict]:
        return [{"index": "out"}]

    def set_tensor(self, index: str, value: np.ndarray) -> None:
        assert value.shape == (2, 112, 112, 3) and value.dtype == np.float32
        self.images = torch.from_numpy(value).permute(0, 3, 1, 2)

    def invoke(self) -> None:
        x = self.images
        for step in self.steps:
            if step == "keep":
                kept = x
            elif step == "add":
                x = x + kept
            elif step != "drop":
                weight, bias, slopes, stride, groups, is_valid = step
                if not is_valid:  # TensorFlow's "same": what is left over goes behind
                    lacking = weight.shape[2] - stride if stride == 2 else weight.shape[2] - 1
                    x = pad(x, (lacking // 2, lacking - lacking // 2) * 2)
                x = conv2d(x, weight, bias, stride, groups=groups)
                if slopes is not None:
                    x = torch.where(x > 0, x, slopes[:, None, None] * x)
        self.out = x.flatten(1)

    def get_tensor(self, index: str) -> np.ndarray:
        return self.out.numpy()


def module() -> ModuleType:
    found = ModuleType("ai_edge_litert.interpreter")
    found.Interpreter = Interpreter
    return found
