"""The shipped 8-bit file against what one would use instead, on the same 500 photographs, one thread, one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks.alignment_accuracy import result
from benchmarks.comparison import Comparison, Race, interleaved
from benchmarks.record import write_record
from benchmarks.shipped_model import MODEL
from benchmarks.view1 import TEST, view1
from course_lib import data, evaluation, export, weights
from course_lib.cost.timing import torch_threads
from course_lib.export.packages import needed_for
from course_lib.paths import data_folder
from course_lib.training import embed
from course_lib.weights.teacher import TEACHER as TEACHER_FILE
from course_lib.weights.teacher import load_teacher

NAME = "exported"
TRAIN = "dev_train"
PHOTOGRAPHS, ROUNDS = 500, 10
SIZE_LIMIT, OF_FP32, OF_EAGER, LOSS_AT_MOST = 1_000_000, 0.75, 0.15, 0.5
INT8, FP32 = "ours, int8, ONNX Runtime", "ours, fp32, ONNX Runtime"
EAGER, FOLDED = "ours, fp32, PyTorch eager", "ours, fp32, PyTorch eager, batch norm folded"
TEACHER, FACENET = "teacher, fp32, LiteRT, two looks", "InceptionResnetV1, fp32, PyTorch eager"
FACENET_SIZE = 160
Forward = Callable[[Tensor], object]


def main() -> dict[str, Any]:
    """Time all in turns, then take those that are trained to all of View 1, and write the record."""
    crops, pairs = view1()
    with TemporaryDirectory() as folder, torch_threads(1):
        fp32 = export.Runtime(export.to_onnx(weights.load(MODEL), Path(folder) / "fp32.onnx"), threads=1)
        int8 = export.Runtime(weights.int8_file(MODEL), threads=1)
        networks = contestants(int8, fp32)
        shown = crops[torch.linspace(0, len(crops) - 1, PHOTOGRAPHS).long()]
        race = interleaved(turns(networks, shown, ROUNDS), ROUNDS)
        figures = {
            "settings": {"photographs": len(shown), "rounds": ROUNDS, "threads": 1, "detector": "RetinaFace"},
            "others_cpu_percent": race.others_percent,
            "bytes": sizes(fp32.path),
            "milliseconds": milliseconds(race, len(shown) // ROUNDS),
            "peak_activation_bytes": {INT8: int8.peak_activation_bytes(), FP32: fp32.peak_activation_bytes()},
            "view1": accuracies({INT8: int8.embed, FP32: fp32.embed, TEACHER: teacher_embed()}, crops, pairs),
        }
    figures["comparisons"] = compare(figures, race)
    write_record(NAME, f"python -m benchmarks {NAME}", 0, figures)
    return figures


def contestants(int8: export.Runtime, fp32: export.Runtime) -> dict[str, Forward]:
    """Each from one normalised face (1, 3, 112, 112) to its embedding; the last from 160x160, as it was made for."""
    eager = weights.load(MODEL)
    return {
        INT8: int8.forward,
        FP32: fp32.forward,
        EAGER: in_channels_last(eager),
        FOLDED: in_channels_last(export.folded(eager)),
        TEACHER: load_teacher(threads=1),
        FACENET: in_channels_last(facenet()),
    }


def facenet() -> nn.Module:
    """InceptionResnetV1 without its weights, which facenet-pytorch would download."""
    with needed_for("the shipped file is measured against its network", "parity"):
        from facenet_pytorch import InceptionResnetV1

    return InceptionResnetV1(pretrained=None)


def in_channels_last(network: nn.Module) -> Forward:
    """PyTorch's quicker way to run convolutions on a processor."""
    network = network.eval().to(memory_format=torch.channels_last)
    return lambda image: network(image.contiguous(memory_format=torch.channels_last))


def turns(networks: Mapping[str, Forward], crops: Tensor, rounds: int) -> dict[str, Callable[[], None]]:
    """Each turn embeds the next so many photographs, one by one; after all rounds each network has seen every one."""
    faces = data.normalise(crops)
    larger = interpolate(faces, (FACENET_SIZE, FACENET_SIZE), mode="bilinear", align_corners=False)

    def turn(forward: Forward, images: Sequence[Tensor]) -> Callable[[], None]:
        parts = cycle(torch.tensor_split(images, rounds))

        def embed_part() -> None:
            with torch.inference_mode():
                for image in next(parts).split(1):
                    forward(image)

        for image in images[:3].split(1):
            forward(image)  # the first calls allocate memory and choose kernels
        return embed_part

    with torch.inference_mode():
        return {name: turn(forward, larger if name == FACENET else faces) for name, forward in networks.items()}


def milliseconds(race: Race, faces: int) -> dict[str, dict[str, float]]:
    """For one face: of the quickest round, and of the one in the middle."""
    return {
        name: {"minimum": round(1e3 * min(seconds) / faces, 3), "median": round(1e3 * race.median(name) / faces, 3)}
        for name, seconds in race.seconds.items()
    }


def sizes(fp32: Path) -> dict[str, int]:
    """Bytes on disk; for the last, which has no weights, what its parameters and statistics take in 32 bits."""
    stored = sum(tensor.numel() * tensor.element_size() for tensor in facenet().state_dict().values())
    return {
        INT8: weights.int8_file(MODEL).stat().st_size,
        FP32: fp32.stat().st_size,
        EAGER: (weights.FOLDER / f"{MODEL}.safetensors").stat().st_size,
        TEACHER: (data_folder() / TEACHER_FILE).stat().st_size,
        FACENET: stored,
    }


def teacher_embed() -> Callable[[Tensor], np.ndarray]:
    """The teacher, as ``embed`` runs a network."""
    teacher = load_teacher(threads=1)
    return lambda crops: embed(teacher, crops)


def accuracies(
    embeds: Mapping[str, Callable[[Tensor], np.ndarray]], crops: Tensor, pairs: Mapping[str, data.Pairs]
) -> dict[str, Any]:
    """View 1 of each, one look, and whether what 8 bits lose is more than chance: McNemar's test on the same pairs."""
    found, right = {}, {}
    for name, embed_crops in embeds.items():
        embeddings = embed_crops(crops)
        found[name] = result(embeddings, pairs)
        scores = {view: evaluation.cosine_scores(embeddings, some.left, some.right) for view, some in pairs.items()}
        threshold = evaluation.best_threshold(scores[TRAIN], pairs[TRAIN].same)
        right[name] = (scores[TEST] >= threshold) == pairs[TEST].same
    return {**found, "int8 against fp32, p": evaluation.mcnemar(right[INT8], right[FP32]).p}


def compare(figures: Mapping[str, Any], race: Race) -> list[dict[str, Any]]:
    """What was promised, then each contestant's bytes, milliseconds and accuracy for information."""
    size, view1 = figures["bytes"][INT8], figures["view1"]
    lost = 100 * (view1[FP32]["accuracy"] - view1[INT8]["accuracy"])
    rows = [
        Comparison("int8 file", size, size, size, target=SIZE_LIMIT, at_least=False, unit="bytes"),
        race.ratio(f"time: {INT8} / {FP32}", INT8, FP32, target=OF_FP32, at_least=False),
        race.ratio(f"time: {INT8} / {EAGER}", INT8, EAGER, target=OF_EAGER, at_least=False),
        race.ratio(f"time: {INT8} / {FOLDED}", INT8, FOLDED),
        race.ratio(f"time: {FACENET} / {INT8}", FACENET, INT8),
        race.ratio(f"time: {TEACHER} / {INT8}", TEACHER, INT8),
        Comparison("View 1: what int8 loses", lost, lost, lost, target=LOSS_AT_MOST, at_least=False, unit="points"),
    ]
    for name, run in view1.items():
        if isinstance(run, dict):
            low, high = (100 * end for end in run["interval"])
            rows.append(Comparison(f"View 1: {name}", 100 * run["accuracy"], low, high, unit="%"))
    for name, seconds in figures["milliseconds"].items():
        rows.append(Comparison(f"a face: {name}", seconds["median"], seconds["minimum"], seconds["median"], unit="ms"))
    rows += [Comparison(f"weights: {name}", each, each, each, unit="bytes") for name, each in figures["bytes"].items()]
    return [row.plain() for row in rows]
