"""One piece of work in a Python of its own, and what it cost: a script, so that `course_lib` can be any checkout's.

    PYTHONPATH=CHECKOUT python benchmarks/piece_of_work.py embedding

Each takes some seconds on one core. It is run once to warm up and then measured: seconds, CPU time of the program and
of the kernel for it, page faults, and the most memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

# First, as the project's own commands do: PyTorch's threads read their settings when they are loaded.
import course_lib

ROOT = Path(course_lib.__file__).resolve().parents[1]
SHIPPED = "mobilefacenet_075_relu"


def faces(count: int):  # noqa: ANN201 - whatever course_lib's are
    """ORL's faces as the shipped network takes them: uint8 (N, 3, 112, 112)."""
    from course_lib import data

    return data.orl_faces().subset(range(count)).resized(112, 112).images.expand(-1, 3, -1, -1).contiguous()


def training() -> Callable[[], object]:
    """An epoch of MobileFaceNet at half width on 300 faces, in batches of 64."""
    import torch

    from course_lib import backbones, data, losses
    from course_lib import training as library

    people = data.orl_faces().subset(range(300)).resized(112, 112)
    backbone = backbones.create("mobilefacenet", width=0.5, in_channels=1, seed=0)
    criterion = losses.Softmax(backbone.embedding_dim, people.n_classes, seed=0)
    optimizer = torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=0.01)
    return lambda: library.fit(backbone, criterion, people, optimizer=optimizer, epochs=1, precision="32-true")


def embedding() -> Callable[[], object]:
    """200 faces and their mirror images by the shipped network."""
    from course_lib import training as library
    from course_lib import weights

    network, shown = weights.load(SHIPPED), faces(200)
    return lambda: library.embed(network, shown, flip=True)


def onnx_runtime() -> Callable[[], object]:
    """The same by ONNX Runtime, in 32 bits."""
    import tempfile

    import torch

    from course_lib import export, weights

    shown = faces(200)
    with tempfile.TemporaryDirectory() as folder:
        file = export.to_onnx(weights.load(SHIPPED).eval(), Path(folder) / "fp32.onnx")
        runtime = export.Runtime(file, threads=torch.get_num_threads())
    return lambda: runtime.embed(shown, flip=True)


def detection() -> Callable[[], object]:
    """MTCNN on 40 photographs of 448 x 368 with four faces each."""
    import numpy as np

    from course_lib import alignment, data

    grey = data.orl_faces().images[:, 0].numpy()
    detector = alignment.MTCNN()
    fours = [np.vstack([np.hstack(grey[i : i + 2]), np.hstack(grey[i + 2 : i + 4])]) for i in range(0, 160, 4)]
    photographs = [np.repeat(four[..., None], 3, axis=2).repeat(2, axis=0).repeat(2, axis=1) for four in fours]
    return lambda: detector.detect_many(photographs)


def notebook() -> Callable[[], object]:
    """Notebook 00 of that checkout, in a kernel that is started for it."""
    import nbformat
    from nbclient import NotebookClient

    place = ROOT / "notebooks"
    content = nbformat.read(place / "00_start_here.ipynb", as_version=4)
    client = NotebookClient(content, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(place)}})
    return client.execute


WORKS: dict[str, Callable[[], Callable[[], object]]] = {
    work.__name__: work for work in (training, embedding, onnx_runtime, detection, notebook)
}


def measured(name: str) -> dict[str, float]:
    """What one run costs; a notebook runs in a process of its own, and is not warmed up."""
    work = WORKS[name]()
    who = resource.RUSAGE_CHILDREN if name == "notebook" else resource.RUSAGE_SELF
    if name != "notebook":
        work()
    before, started = resource.getrusage(who), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - started, resource.getrusage(who)
    return {
        "seconds": round(seconds, 3),
        "program": round(after.ru_utime - before.ru_utime, 3),
        "kernel": round(after.ru_stime - before.ru_stime, 3),
        "faults": after.ru_minflt - before.ru_minflt,
        "peak_mb": round(after.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    print(json.dumps(measured(sys.argv[1])))
