"""One interface to a face embedder in a file, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data import ImageSet
from course_lib.export import apart
from course_lib.export.runtimes import Loaded, executorch, litert, onnx, pytorch
from course_lib.export.runtimes.loaded import running
from course_lib.paths import expanded
from course_lib.stand_ins import refuse_stand_in
from course_lib.training.embed import embed_batches

WEIGHTS = ".safetensors"
LOADERS = {".onnx": onnx.load, ".pte": executorch.load, ".tflite": litert.load}  # of files that know their own network
ENDINGS = (WEIGHTS, *LOADERS)
AT_A_TIME = 4  # faces: as fast as sixteen in ONNX Runtime, in a third of the memory


class Runtime:
    """A face embedder, run by what its file is for.

    ====================  =======================================================================
    ``.safetensors``      PyTorch; weights that ``training.save_weights`` wrote
    ``.onnx``             ONNX Runtime; what ``to_onnx`` and ``quantize`` write, or others'
    ``.pte``              ExecuTorch, extra ``[executorch]``; what ``to_executorch`` writes
    ``.tflite``           LiteRT, extra ``[litert]``; what ``to_litert`` writes
    ====================  =======================================================================

    **A model's file is a program.** All but ``.safetensors``, which holds numbers only, say what is to be computed: a
    file may never end, ask for all memory, crash, or make use of a fault in what runs it. Run only files that you
    trust; with ``trusted=False`` a file runs in a process of its own, with limits: ``COURSE_MODEL_SECONDS`` (120 to
    open it, and for each batch) and, on Linux, ``COURSE_MODEL_BYTES`` (4 GiB), environment variables, and without this
    process's other variables, which may be secrets. The embeddings are the same to the bit. That is no jail: nothing
    keeps it from your files or the network if it takes over its runtime.

    Args:
        path: of the file; its ending says what runs it.
        architecture: of a ``.safetensors`` file, which holds weights only: a name that ``backbones.create`` knows.
        options: of that architecture, such as ``{"width": 0.75}``.
        threads: that it may use; by default as many as PyTorch. PyTorch itself has one number for all of a process, so
            it is not set here: ``torch.set_num_threads``. ExecuTorch always takes one.
        trusted: False to run the file in a process of its own, which starts in some seconds and ends with this object
            and with this process.

    Attributes:
        name: the file's.
        path: of the file; None for ``Runtime.of`` a network in memory.
        input_size: (height, width) in pixels.
        in_channels: 1 for grey or 3 for RGB images.
        batch_size: the only one that the file takes, or None.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no file that is known here, it is damaged or no face embedder, or an architecture is missing
            or given for what has its own.
        ModuleNotFoundError: what runs it is not installed; the message names the extra to install.
        RuntimeError: it is not trusted, and took too long or too much memory to open, or crashed.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        architecture: str | None = None,
        options: Mapping[str, object] | None = None,
        threads: int | None = None,
        trusted: bool = True,
    ) -> None:
        path = expanded(path)
        suffix = path.suffix.lower()
        if suffix not in ENDINGS:
            raise ValueError(f"{path} is of no known kind; expected a file {' or '.join(ENDINGS)}")
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there; expected a model's file")
        refuse_stand_in(path)
        if (architecture or options) and suffix != WEIGHTS:
            raise ValueError(f"an architecture is given, but {path} has its own; it is for {WEIGHTS} files")
        if suffix == WEIGHTS:
            loaded = pytorch.load(path, architecture, options or {})
        else:
            load = LOADERS[suffix] if trusted else apart.load
            loaded = load(path, threads or torch.get_num_threads())
        self._set(path.name, path, loaded)

    @classmethod
    def of(cls, module: nn.Module, name: str) -> Runtime:
        """A network in memory, by PyTorch, from now on in evaluation mode.

        Args:
            module: a backbone of the course, or one's own with the attributes ``in_channels`` (1 or 3) and
                ``input_size`` (height, width).
            name: what reports and errors call it.

        Raises:
            TypeError: it is no network.
            ValueError: an attribute is missing; the message says what to set.
        """
        if not isinstance(module, nn.Module):
            raise TypeError(f"module is a {type(module).__name__}; expected a network, or give the file to Runtime")
        runtime = cls.__new__(cls)
        runtime._set(name, None, pytorch.of(module))
        return runtime

    def _set(self, name: str, path: Path | None, loaded: Loaded) -> None:
        self.name, self.path = name, path
        self.input_size, self.in_channels, self.batch_size = loaded.input_size, loaded.in_channels, loaded.batch_size
        self._loaded = loaded

    def __repr__(self) -> str:
        height, width = self.input_size
        return f"Runtime({self.name}: {self.in_channels}x{height}x{width})"

    @torch.inference_mode()
    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) float32, as ``data.normalise`` makes them -> embeddings (N, D) float32.

        Raises:
            RuntimeError: the file failed while it ran.
        """
        with running(self.name):
            return self._loaded.forward(images)

    @torch.inference_mode()
    def embed(self, images: ImageSet | Tensor, *, flip: bool = False, batch_size: int | None = None) -> np.ndarray:
        """Embed faces: float32 (N, D), not of length one.

        Args:
            images: an image set or its uint8 (N, C, H, W) tensor.
            flip: add the embedding of each mirror image to it, f(x) + f(flip x), as LFW and IJB-C are reported.
            batch_size: faces at a time, where the file does not fix it; None takes what is fast.

        Raises:
            ValueError: the faces are of another type, size or colour than the network takes, there is none, or an
                embedding is not finite (the face's number is named).
            RuntimeError: the file failed while it ran; one that is not trusted may have been stopped.
        """
        pixels = images.images if isinstance(images, ImageSet) else images
        self._check(pixels)
        prepare = self._loaded.prepared
        with running(self.name):
            forward, at_a_time = prepare(pixels) if prepare else (self._loaded.forward, AT_A_TIME)
            batches = pixels.split(self.batch_size or batch_size or at_a_time)
            everything = embed_batches(forward, batches, flip=flip)
        broken = (~everything.isfinite().all(1)).nonzero().flatten()
        if len(broken):
            raise ValueError(
                f"{self.name}: the embedding of face {int(broken[0])} is not finite ({len(broken)} are not)"
            )
        return everything.numpy()

    def peak_activation_bytes(self) -> int | None:
        """The most bytes that activations take at once, for one face, weights not included; None if it cannot be told.

        For PyTorch operation by operation as ``cost.count`` counts, in 32 bits; for ONNX of the graph as ONNX Runtime
        fuses it, in the types it computes in.
        """
        count = self._loaded.peak_activation_bytes
        with running(self.name):
            return None if count is None else count()

    def arena_bytes(self) -> int | None:
        """What a device's own planner asks for activations; None where no such tool can tell."""
        count = self._loaded.arena_bytes
        with running(self.name):
            return None if count is None else count()

    def _check(self, pixels: Tensor) -> None:
        expected = (self.in_channels, *self.input_size)
        if not isinstance(pixels, Tensor) or pixels.dtype != torch.uint8 or pixels.ndim != 4:
            raise ValueError(
                f"the faces are {getattr(pixels, 'dtype', type(pixels).__name__)} "
                f"{tuple(getattr(pixels, 'shape', ()))}; expected a uint8 tensor (N, C, H, W)"
            )
        if tuple(pixels.shape[1:]) != expected:
            raise ValueError(
                f"the faces are {tuple(pixels.shape[1:])}, but {self.name} takes {expected} (channels, height, width)"
            )
        if not len(pixels):
            raise ValueError("there are no faces to embed; expected at least one")
