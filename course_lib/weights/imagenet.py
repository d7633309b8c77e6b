"""Backbones with the weights of ImageNet, and the classifier of its 1000 classes: where transfer learning starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib import backbones
from course_lib.losses import Softmax
from course_lib.paths import data_folder
from course_lib.training.saved import read_saved

CLASSES = 1000
EFFICIENTNET, MOBILENET = "models/efficientnet-lite0-57934424.pth", "models/mobilenet_v2-b0353104.pth"
PIXEL_MEAN, PIXEL_STD = 127.5, 128.0  # of course_lib.data.normalise


@dataclass(frozen=True)
class Source:
    """A file of weights.

    Attributes:
        file: where it lies in the data folder.
        script: what fetches it.
        named: from a tensor's name here to its name in the file; the classifier is ``classifier`` here.
        mean, std: of one colour or of each, in pixels 0..255: the file's network expects (pixels - mean) / std.
        options: the backbone's, without which it would not be the one of the file.
    """

    file: str
    script: str
    named: Callable[[str], str]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    options: Mapping[str, object] = field(default_factory=dict)


def imagenet(name: str, *, input_size: int | tuple[int, int] = 224) -> tuple[nn.Module, Softmax]:
    """A backbone with ImageNet's weights, in evaluation mode, and its classifier: ``backbone, classifier = ...``.

    Images (N, 3, H, W) float as ``course_lib.data.normalise`` gives them -> embeddings (N, 1280) float, the pooled
    channels; the classifier's ``weight`` (1000, 1280) and ``bias`` (1000,) turn those into ImageNet's 1000 classes, in
    the order of their WordNet numbers, as everywhere.

    The files expect other inputs than ``normalise`` gives, which is (p - 127.5) / 128 for pixels p in 0..255:
    EfficientNet-Lite0 (p - 127) / 128, torchvision's MobileNetV2 the mean and deviation of each colour. The first
    convolution and its batch norm take the difference up, so that the network computes the same; only along the
    image's rim, where the padding now is another grey, is it a little off.

    Args:
        name: ``"efficientnet_lite0"``, TensorFlow's weights, which ``data_scripts/get_efficientnet_lite0.py`` fetches;
            or ``"mobilenet_v2"``, torchvision's first ones, by ``data_scripts/get_mobilenet_v2.py``.
        input_size: (height, width) in pixels, or one number for a square. The weights fit every size; they were
            trained at 224.

    Raises:
        ValueError: no such source; or the file is damaged or of another network: the message names the first tensor
            that is missing, left over or of another shape. Nothing is ever loaded in part.
        FileNotFoundError: the file has not been fetched; the message names the script.

    Source: ImageNet, Russakovsky et al. 2015; the networks' own papers, see ``course_lib.backbones.describe``.
    """
    if name not in SOURCES:
        raise ValueError(f"there are no ImageNet weights for {name!r}; expected one of {', '.join(sorted(SOURCES))}")
    source = SOURCES[name]
    path = data_folder() / source.file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; fetch it with: python data_scripts/{source.script}")
    backbone = backbones.create(name, input_size=input_size, **source.options).eval()
    classifier = Softmax(backbone.embedding_dim, CLASSES)
    here = backbone.state_dict() | {f"classifier.{key}": tensor for key, tensor in classifier.state_dict().items()}
    _fill(path, {source.named(key): tensor for key, tensor in here.items()})
    _take_normalised(backbone.stem, source)
    return backbone, classifier


@torch.no_grad()
def _fill(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Copy the file's tensors into those of the same name, all of them or none."""
    stored = _read(path)
    for key in [*tensors, *stored]:
        found, expected = (f"of shape {tuple(held[key].shape)}" if key in held else None for held in (stored, tensors))
        if found != expected:
            raise ValueError(
                f"{path} holds another network: its {key} is {found or 'missing'}; "
                f"expected {'one ' + expected if expected else 'no tensor of that name'}"
            )
    for key, tensor in tensors.items():
        tensor.copy_(stored[key])


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that ``torch.save`` wrote; nothing in it is executed."""
    try:
        stored = read_saved(path, also_before_archives=True)
    except ValueError as error:
        raise ValueError(f"{path} holds no weights of PyTorch ({error}); delete it and fetch it again") from error
    if not isinstance(stored, dict) or not all(isinstance(tensor, Tensor) for tensor in stored.values()):
        raise ValueError(f"{path} holds other things than tensors by name; delete it and fetch it again")
    return stored


@torch.no_grad()
def _take_normalised(stem: nn.Sequential, source: Source) -> None:
    """Change the first convolution and its batch norm from the file's input to that of ``normalise``."""
    convolution, norm = stem[0], stem[1]
    mean, std = torch.tensor(source.mean), torch.tensor(source.std)
    scale, shift = (PIXEL_STD / std)[:, None, None], ((PIXEL_MEAN - mean) / std)[:, None, None]
    norm.running_mean -= (convolution.weight * shift).sum((1, 2, 3))
    convolution.weight *= scale


EFFICIENTNET_MODULES = {
    "stem.0": "_conv_stem",
    "stem.1": "_bn0",
    "expand.0": "_expand_conv",
    "expand.1": "_bn0",
    "depthwise.0": "_depthwise_conv",
    "depthwise.1": "_bn1",
    "project.0": "_project_conv",
    "project.1": "_bn2",
    "last.0": "_conv_head",
    "last.1": "_bn1",
    "classifier": "_fc",
}


def _efficientnet_name(name: str) -> str:
    """``body.3.expand.0.weight`` is ``_blocks.3._expand_conv.weight`` there."""
    block, module, tensor = re.fullmatch(r"(body\.\d+\.)?(.*)\.(\w+)", name).groups(default="")
    return f"{block.replace('body', '_blocks')}{EFFICIENTNET_MODULES[module]}.{tensor}"


MOBILENET_MODULES = {"stem": "features.0", "last": "features.18", "classifier": "classifier.1"}


def _mobilenet_name(name: str) -> str:
    """``body.3.expand.0.weight`` is ``features.4.conv.0.0.weight`` there: its parts are numbered, not named.

    The first block has no expansion, and the projection is not wrapped: convolution and batch norm stand alone.
    """
    outer, rest = name.split(".", 1)
    if outer != "body":
        return f"{MOBILENET_MODULES[outer]}.{rest}"
    block, part, layer, tensor = rest.split(".")
    place = ("expand", "depthwise", "project").index(part) - (block == "0")
    position = place + int(layer) if part == "project" else f"{place}.{layer}"
    return f"features.{int(block) + 1}.conv.{position}.{tensor}"


SOURCES = {
    "efficientnet_lite0": Source(
        EFFICIENTNET, "get_efficientnet_lite0.py", _efficientnet_name, mean=(127.0,), std=(128.0,)
    ),
    "mobilenet_v2": Source(
        MOBILENET,
        "get_mobilenet_v2.py",
        _mobilenet_name,
        mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
        std=(255 * 0.229, 255 * 0.224, 255 * 0.225),
        options={"embedding_dim": None},
    ),
}
