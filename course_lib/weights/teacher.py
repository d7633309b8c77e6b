"""A strong teacher for distillation: a MobileFaceNet from a telephone's app, rebuilt in the course's own network."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from course_lib import backbones
from course_lib.backbones import MobileFaceNet
from course_lib.backbones.blocks import ConvUnit, check_images
from course_lib.export.runtimes.litert import open_interpreter
from course_lib.paths import data_folder, expanded

TEACHER = "models/mobilefacenet_teacher.tflite"
EMBEDDING_DIM = 192
CONVOLUTIONS = 52
LINEAR_BEFORE_POINTWISE = (2, 50)  # of the file's convolutions, counted from 0: after the stem, and in the head

# One convolution of the file: weight (out, in, h, w), bias (out,), and the PReLU's slopes (out,) after it, or None.
Convolution = tuple[Tensor, Tensor, Tensor | None]


class Teacher(nn.Module):
    """Faces (N, 3, 112, 112) float -> embeddings (N, 192) float of length one; face and mirror image are summed.

    LiteRT runs the file, several times faster than PyTorch would. ``network`` is the same network as a
    ``MobileFaceNet``, to look into and to start a student from: see ``in_pytorch``.
    """

    def __init__(self, network: MobileFaceNet, interpreter: Any) -> None:
        super().__init__()
        self.network = network.eval()
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        check_images(images, 3, self.network.input_size)
        return torch.stack([self._embed(image) for image in images])

    def _embed(self, image: Tensor) -> Tensor:
        both = torch.stack([image, image.flip(-1)])  # the file's batch is two, always
        self._interpreter.set_tensor(self._input, both.permute(0, 2, 3, 1).contiguous().numpy())
        self._interpreter.invoke()
        return normalize(torch.from_numpy(self._interpreter.get_tensor(self._output)).sum(0), dim=0)

    @torch.no_grad()
    def in_pytorch(self, images: Tensor) -> Tensor:
        """What ``forward`` gives, by ``network``.

        Where a stride of 2 leaves one pixel of padding over, TensorFlow puts it behind the image and PyTorch before
        it: turned by half a turn, image and kernels alike, the two are the same.
        """
        turned = images.flip(-2, -1)
        return normalize(self.network(turned) + self.network(turned.flip(-1)))

    @torch.no_grad()
    def upright(self) -> MobileFaceNet:
        """Nearly the same network for images that are not turned: to start a student from, not to teach it.

        The kernels are turned back top to bottom; left and right do not matter, as mirror images are summed. Each
        window now lies 1, then 2, 4 and 8 pixels higher, so the last map's 7 rows stand 15 pixels higher, which is
        nearly one row: the pooling's rows move down by one, and the chin's is lost.
        """
        network = deepcopy(self.network)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.copy_(module.weight.flip(-2))
        pooling = network.head[1][0].weight
        pooling.copy_(pooling.roll(1, -2))
        pooling[:, :, 0] = 0
        return network


def load_teacher(path: Path | str | None = None, *, threads: int = 1) -> Teacher:
    """The network of ``data_scripts/get_teacher.py``, to be run on so many threads.

    Raises:
        FileNotFoundError: the file is not there.
        ModuleNotFoundError: LiteRT, which reads it, is not installed.
        ValueError: the file is damaged, or holds another network.
    """
    path = expanded(path) if path is not None else data_folder() / TEACHER
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; fetch it with: python data_scripts/get_teacher.py")
    network = backbones.create("mobilefacenet", embedding_dim=EMBEDDING_DIM).eval()
    units = [module for module in network.modules() if isinstance(module, ConvUnit)]
    interpreter = open_interpreter(path, threads)
    found = _without_linear_pairs(_convolutions(path, interpreter))
    shapes = [tuple(weight.shape) for weight, _, _ in found]
    expected = [tuple(unit[0].weight.shape) for unit in units]
    if shapes != expected:
        raise ValueError(f"{path} holds another network: its convolutions have other shapes than the teacher's")
    for unit, convolution in zip(units, found, strict=True):
        _fill(unit, *convolution)
    return Teacher(network, interpreter)


def _convolutions(path: Path, interpreter: Any) -> list[Convolution]:
    """The file's convolutions, in the order they run."""

    def constant(index: int) -> Tensor:
        return torch.from_numpy(interpreter.tensor(int(index))().copy())

    found: list[Convolution] = []
    for operation in interpreter._get_ops_details():
        if operation["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            _, weight, bias = operation["inputs"]
            # TensorFlow's order is (out, h, w, in), and for depthwise kernels (1, h, w, channels).
            order = (0, 3, 1, 2) if operation["op_name"] == "CONV_2D" else (3, 0, 1, 2)
            found.append((constant(weight).permute(*order), constant(bias), None))
        elif operation["op_name"] == "MUL":
            # PReLU is written as relu(x) + a (x - |x|), which is 2 a x below zero.
            found[-1] = (*found[-1][:2], 2 * constant(operation["inputs"][0]))
    if len(found) != CONVOLUTIONS:
        raise ValueError(f"{path} holds another network: {len(found)} convolutions; the teacher has {CONVOLUTIONS}")
    return found


def _without_linear_pairs(convolutions: list[Convolution]) -> list[Convolution]:
    """The file's 52 convolutions as MobileFaceNet's 50: a 1x1 and the 1x1 that follows it directly are one matrix."""
    merged: list[Convolution] = []
    for index, (weight, bias, slopes) in enumerate(convolutions):
        if index - 1 in LINEAR_BEFORE_POINTWISE:
            before, its_bias, _ = merged.pop()
            matrix = weight[:, :, 0, 0]
            weight, bias = (matrix @ before[:, :, 0, 0])[:, :, None, None], bias + matrix @ its_bias
        merged.append((weight, bias, slopes))
    return merged


@torch.no_grad()
def _fill(unit: ConvUnit, weight: Tensor, bias: Tensor, slopes: Tensor | None) -> None:
    """Batch norm is folded in the file: here it only adds the bias."""
    convolution, norm, activation = unit
    convolution.weight.copy_(weight.flip(-2, -1))  # see Teacher
    norm.running_var.fill_(1 - norm.eps)
    norm.bias.copy_(bias)
    if slopes is not None:
        activation.weight.copy_(slopes)
