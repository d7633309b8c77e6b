"""A network from a name or a file, whatever runs it, and the embeddings that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_lib import backbones, weights
from course_lib.data import ImageSet
from course_lib.training import load_weights
from course_lib.training.embed import embed_batches

INT8 = ".int8"


@dataclass(frozen=True)
class Network:
    """A face embedder.

    Attributes:
        name: for a report.
        input_size: (height, width) in pixels.
        in_channels: 1 for grey or 3 for RGB images.
        forward: images (N, C, H, W) float, as ``data.normalise`` makes them -> embeddings (N, D) float.
        batch_size: the only one that the file takes, or None.
    """

    name: str
    input_size: tuple[int, int]
    in_channels: int
    forward: Callable[[Tensor], Tensor]
    batch_size: int | None = None


def load_network(
    model: str, *, architecture: str | None = None, options: Mapping[str, object] | None = None
) -> Network:
    """Load what a model is named by.

    Args:
        model: a shipped one, ``mobilefacenet_075_relu``, or in 8 bits, ``mobilefacenet_075_relu.int8``; a file
            ``.onnx``, run by ONNX Runtime; or a file ``.safetensors``, which ``training.save_weights`` wrote.
        architecture: of the safetensors file, which holds weights only: a name that ``backbones.create`` knows.
        options: of that architecture, such as ``{"width": 0.75}``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such model is shipped, the file is damaged or another network's, an architecture is missing or
            given for what has its own, or the ONNX file takes something else than faces.
    """
    path = Path(model)
    if path.suffix == ".safetensors":
        return _from_weights(_existing(path), architecture, options or {})
    if architecture or options:
        raise ValueError(f"an architecture is given, but {model} has its own; it is for .safetensors files")
    if path.suffix == ".onnx":
        return _from_onnx(_existing(path), model)
    if model.removesuffix(INT8) not in weights.available():
        names = [name + suffix for name in weights.available() for suffix in ("", INT8)]
        raise ValueError(f"no model {model!r}: expected {', '.join(names)}, or a file .onnx or .safetensors")
    if model.endswith(INT8):
        return _from_onnx(weights.int8_file(model.removesuffix(INT8)), model)
    return in_pytorch(weights.load(model), model)


def in_pytorch(module: nn.Module, name: str) -> Network:
    """A backbone of the course as a ``Network``, on the device it is on."""
    device = next(module.parameters()).device
    module = module.eval()
    return Network(name, module.input_size, module.in_channels, lambda images: module(images.to(device)))


def embed_faces(network: Network, faces: ImageSet, *, flip: bool = True, batch_size: int = 64) -> np.ndarray:
    """Embed faces with a progress bar: float32 (N, D), not of length one.

    Args:
        flip: add the embedding of each mirror image to it, f(x) + f(flip x), as LFW and IJB-C are reported.

    Raises:
        ValueError: the faces are of another size or colour than the network takes, or an embedding is not finite (the
            face's number is named).
    """
    shape = tuple(faces.images.shape[1:])
    expected = (network.in_channels, *network.input_size)
    if shape != expected:
        raise ValueError(f"the faces are {shape}, but {network.name} takes {expected} (channels, height, width)")
    batches = faces.images.split(network.batch_size or batch_size)
    with torch.inference_mode(), tqdm(total=len(faces), unit="face", disable=None) as bar:
        everything = embed_batches(network.forward, _counted(batches, bar), flip=flip)
    broken = (~everything.isfinite().all(1)).nonzero().flatten()
    if len(broken):
        raise ValueError(
            f"{network.name}: the embedding of face {int(broken[0])} is not finite ({len(broken)} are not)"
        )
    return everything.numpy()


def _counted(batches: Iterable[Tensor], bar: tqdm) -> Iterator[Tensor]:
    for batch in batches:
        yield batch
        bar.update(len(batch))


def _from_weights(path: Path, architecture: str | None, options: Mapping[str, object]) -> Network:
    if architecture is None:
        raise ValueError(
            f"{path} holds weights but not the network's name; give the architecture, one of "
            f"{', '.join(backbones.available())}, and its options"
        )
    try:
        module = backbones.create(architecture, **options)
    except TypeError as error:  # an option that the network does not have
        raise ValueError(str(error)) from error
    load_weights(module, path)
    return in_pytorch(module, path.name)


def _from_onnx(path: Path, name: str) -> Network:
    import onnxruntime  # here, since only ONNX files need it

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base
        raise ValueError(f"{path} is no ONNX file that ONNX Runtime can run ({str(error).splitlines()[0]})") from error
    inputs, output = session.get_inputs(), session.get_outputs()[0].name
    batch, size = _taken(path, inputs)

    def forward(images: Tensor) -> Tensor:
        embeddings = torch.from_numpy(session.run([output], {inputs[0].name: images.numpy()})[0])
        if len(embeddings) != len(images):
            raise ValueError(f"{path} gives {tuple(embeddings.shape)} for {len(images)} faces; expected one row a face")
        return embeddings.flatten(1)

    return Network(Path(name).name, size[1:], size[0], forward, batch)


def _taken(path: Path, inputs: list[Any]) -> tuple[int | None, tuple[int, int, int]]:
    """The batch size that a file fixes, or None, and (channels, height, width); ValueError unless it takes faces."""
    shapes = {f"{taken.name}: {taken.type} {taken.shape}" for taken in inputs}
    batch, *size = inputs[0].shape if len(inputs) == 1 and len(inputs[0].shape) == 4 else (None,)
    fits = len(size) == 3 and all(isinstance(side, int) for side in size) and size[0] in (1, 3)
    if not fits or inputs[0].type != "tensor(float)" or (isinstance(batch, int) and batch != 1):
        raise ValueError(
            f"{path} takes {', '.join(sorted(shapes))}; expected one float input of (N or 1, 1 or 3 channels, height, "
            "width)"
        )
    return (batch if isinstance(batch, int) else None), (size[0], size[1], size[2])


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a model's file")
    return path
