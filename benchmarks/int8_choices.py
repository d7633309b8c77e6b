"""The shipped model in 8 bits by every choice of scheme and calibration images, good and bad, on LFW's View 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.losses_on_faces import faces_folder
from benchmarks.record import recorded_runs, write_record
from benchmarks.shipped_model import MODEL
from benchmarks.silent_channels import silenced, silent_channels, weight_ranges
from benchmarks.view1 import TEST, drawn, verified, verified_int8, view1
from course_lib import data, evaluation, export, weights
from course_lib.alignment import similarity, template, warp
from course_lib.paths import data_folder

NAME = "int8_choices"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
PERCENTILES = (None, 99.9, 99.99)  # None is MinMax
COUNTS, MANY = (16, 64, 256), 1024  # a percentile of 256 images takes 5.8 GB of memory; MinMax takes little
DRAWS = (0, 1, 2)
LISTENED = 512  # photographs: a channel that none of them brings anything to is silent
EDGES = np.linspace(-0.6, 1.0, 41)  # of the histograms of scores
# Of a run: what the table calls it, its unit, and the factor to that unit.
FIGURES = {
    "cosine": ("cosine to fp32", "", 1),
    "accuracy": ("accuracy", "%", 100),
    "accuracy_kept": ("accuracy with fp32's threshold", "%", 100),
}


@dataclass(frozen=True)
class Choice:
    """One way to quantise: how numbers become 8 bits, what their ranges are measured on, and of which network.

    ``silenced`` is the shipped one with zeros for the weights of its silent channels.
    """

    per_channel: bool = True
    percentile: float | None = 99.99
    images: str = "faces"
    count: int = 256
    silenced: bool = False


PAIRS_OF_CHOICES = (
    (Choice(), Choice(per_channel=False)),
    (Choice(), Choice(silenced=True)),
    (Choice(silenced=True), Choice(per_channel=False, silenced=True)),
    (Choice(), Choice(percentile=None)),
    (Choice(), Choice(percentile=99.9)),
    (Choice(), Choice(count=16)),
    (Choice(), Choice(count=64)),
    *((Choice(count=64), Choice(images=images, count=64)) for images in ("drawn faces", "ORL", "noise")),
)


def main() -> dict[str, Any]:
    """Quantise and measure what the record does not hold yet; the record is written after each run.

    The faces are those of ``COURSE_FACES``, on which the model was trained: nobody who is in LFW, as its card says.
    """
    faces = data.face_folder(faces_folder(), size=(112, 112), source="COURSE_FACES")
    sources = SOURCES | {"faces": lambda: faces.images}
    network, folder, (crops, pairs) = weights.load(MODEL), data_folder() / "runs" / NAME, view1()
    silent = silent_channels(network, torch.from_numpy(drawn(faces.images, LISTENED, seed=0)))
    files = {
        False: export.to_onnx(network, folder / "fp32.onnx"),
        True: export.to_onnx(silenced(network, silent), folder / "silenced.onnx"),
    }
    figures = sweep(files, sources, crops, pairs)
    figures |= {"layers": weight_ranges(network, silent), "comparisons": compare(figures["runs"])}
    write_record(NAME, COMMAND, list(DRAWS), figures)
    return figures


def plan() -> list[tuple[Choice, int]]:
    """Every choice with every draw of its images, the first draws first."""
    schemes = [(per_channel, percentile) for percentile in PERCENTILES for per_channel in (True, False)]
    choices = [Choice(*scheme, count=count) for count in reversed(COUNTS) for scheme in schemes]
    choices += [Choice(True, percentile, images, count=64) for images in SOURCES for percentile in PERCENTILES]
    choices += [Choice(per_channel, None, count=MANY) for per_channel in (True, False)]
    choices += [Choice(per_channel, silenced=True) for per_channel in (True, False)]
    return [(choice, draw) for draw in DRAWS for choice in choices]


def sweep(
    files: Mapping[bool, Path],
    sources: Mapping[str, Callable[[], torch.Tensor]],
    crops: torch.Tensor,
    pairs: Mapping[str, data.Pairs],
) -> dict[str, Any]:
    """One entry a choice and draw; beside them the 32-bit files, and where each histogram's bins end.

    Args:
        files: of 32 bits: whether its silent channels' weights are zero.
        sources: calibration images by the name that a choice gives them.
    """
    settings = {"model": MODEL, "crops": len(crops), "edges": EDGES.round(4).tolist(), "listened": LISTENED}
    runs, reference = recorded_runs(NAME, settings), export.Runtime(files[False]).embed(crops)
    of_fp32 = {"bytes": files[False].stat().st_size, **verified(reference, pairs), **histograms(reference, pairs[TEST])}
    of_silenced = verified_int8(export.Runtime(files[True]).embed(crops), reference, of_fp32["threshold"], pairs)
    figures = {"settings": settings, "fp32": of_fp32, "fp32_silenced": of_silenced, "runs": runs}
    done = {(*(run[name] for name in asdict(Choice())), run["draw"]) for run in runs}
    missing = [(choice, draw) for choice, draw in plan() if (*astuple(choice), draw) not in done]
    for choice, draw in tqdm(missing, unit="run", disable=None):
        int8 = quantised(files[choice.silenced], sources[choice.images](), choice, draw)
        embeddings = export.Runtime(int8).embed(crops)
        found = verified_int8(embeddings, reference, of_fp32["threshold"], pairs) | histograms(embeddings, pairs[TEST])
        runs.append({**asdict(choice), "draw": draw, "bytes": int8.stat().st_size, **found})
        write_record(NAME, COMMAND, list(DRAWS), figures)
    return figures


def quantised(fp32: Path, images: torch.Tensor, choice: Choice, draw: int) -> Path:
    """The 8-bit file of a choice, beside the 32-bit one; the next takes its place."""
    scheme = export.Scheme(choice.per_channel, choice.percentile)
    return export.quantize(fp32, drawn(images, choice.count, draw), fp32.with_name("int8.onnx"), scheme=scheme)


def histograms(embeddings: np.ndarray, pairs: data.Pairs) -> dict[str, list[int]]:
    """How many genuine and how many impostor pairs score within each bin; the outermost take what lies beyond."""
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right).clip(EDGES[0], EDGES[-1])
    kinds = {"genuine": pairs.same, "impostor": ~pairs.same}
    return {name: np.histogram(scores[kind], EDGES)[0].tolist() for name, kind in kinds.items()}


@cache
def drawn_faces() -> torch.Tensor:
    """Faces that nobody photographed, aligned by their true landmarks: uint8 (256, 3, 112, 112)."""
    faces = data.synthetic_faces(256, 1, seed=0)
    return warp(faces.images.images, similarity(faces.landmarks, template()))


@cache
def grey_faces() -> torch.Tensor:
    """ORL's 400 photographs, as they are: grey, whole heads, not aligned."""
    return data.orl_faces().resized(112, 112).images.expand(-1, 3, -1, -1)


@cache
def noise() -> torch.Tensor:
    """Every pixel of every colour by chance: uint8 (256, 3, 112, 112)."""
    return torch.randint(0, 256, (256, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


SOURCES: dict[str, Callable[[], torch.Tensor]] = {"drawn faces": drawn_faces, "ORL": grey_faces, "noise": noise}


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each choice over its draws in three figures, and paired differences in cosine; all with 95 % intervals."""
    of: dict[Choice, dict[int, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(Choice(*(run[name] for name in asdict(Choice()))), {})[run["draw"]] = run
    rows = []
    for figure, (name, unit, times) in FIGURES.items():
        for choice, draws in of.items():
            interval = evaluation.mean_interval([times * run[figure] for run in draws.values()])
            rows.append(estimate(f"{name}; {title(choice)}", interval, unit))
    for one, other in PAIRS_OF_CHOICES:
        ours, theirs = ([of[choice][draw]["cosine"] for draw in DRAWS] for choice in (one, other))
        name = f"cosine to fp32; {title(one)} - {title(other)}"
        rows.append(estimate(name, evaluation.paired_difference(ours, theirs), ""))
    return rows


def title(choice: Choice) -> str:
    """As it stands in the table."""
    scale = "per channel" if choice.per_channel else "per tensor"
    ranges = "MinMax" if choice.percentile is None else f"{choice.percentile:g} %"
    return f"{scale}, {ranges}, {choice.count} {choice.images}{', silenced' if choice.silenced else ''}"
