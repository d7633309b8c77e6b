"""What 8 bits cost the shipped model on LFW's View 1: as it is, tuned further in float, and tuned in 8 bits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.alignment_accuracy import result
from benchmarks.comparison import estimate
from benchmarks.losses_on_faces import faces_folder
from benchmarks.record import recorded_runs, write_record
from benchmarks.shipped_model import MODEL
from benchmarks.view1 import view1
from course_lib import data, evaluation, export, losses, training, weights
from course_lib.paths import data_folder
from course_lib.weights.teacher import load_teacher

NAME = "ptq_qat"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
SEEDS = (0, 1, 2)
STEPS, BATCH, RATE, WEIGHT_DECAY, WARM_UP = 200, 32, 2e-4, 0.05, 0.1
CALIBRATION = 64  # photographs of COURSE_FACES, from which people of LFW were removed
SHIPPED, IN_FLOAT, IN_8_BITS = "as shipped", "tuned in float", "tuned in 8 bits"
WAYS = {SHIPPED: None, IN_FLOAT: False, IN_8_BITS: True}  # the argument quantize of fit
SCHEMES = {"per channel": export.Scheme(), "per tensor": export.Scheme(per_channel=False)}
Start = Callable[[], nn.Module]


def main(start: Start = lambda: weights.load(MODEL)) -> dict[str, Any]:
    """Tune what the record does not hold yet, and take each to View 1; a run that was killed goes on.

    Args:
        start: gives the network that all begin from, with its weights, so that another can be measured alike.
    """
    faces = data.face_folder(faces_folder(), size=(112, 112), source="COURSE_FACES")
    folder = data_folder() / "runs" / NAME
    tuning = {"steps": STEPS, "batch": BATCH, "rate": RATE, "weight_decay": WEIGHT_DECAY, "precision": "32-true"}
    settings = {
        "network": training.fingerprint(start()),
        "photographs": len(faces),
        "calibration": CALIBRATION,
        **tuning,
    }
    runs = recorded_runs(NAME, settings)
    done = {(run["way"], run["seed"]) for run in runs}
    missing = [run for run in plan() if run not in done]
    taught = teacher_says(faces, folder) if missing else torch.empty(0)
    crops, pairs = view1() if missing else (torch.empty(0), {})
    for way, seed in tqdm(missing, unit="run", disable=None):
        place = folder / settings["network"][:8] / f"{way}, seed {seed}"
        network = tuned(start(), faces, taught, place, quantize=WAYS[way], seed=seed)
        calibration = data.normalise(faces.images[drawn(faces, CALIBRATION, seed)]).numpy()
        rows = measured(network, calibration, place, crops, pairs)
        runs += [{"way": way, "seed": seed, **row} for row in rows]
        write_record(NAME, COMMAND, list(SEEDS), {"settings": settings, "runs": runs})
    figures = {"settings": settings, "runs": runs, "comparisons": compare(runs)}
    write_record(NAME, COMMAND, list(SEEDS), figures)
    return figures


def plan() -> list[tuple[str, int]]:
    """Every way and seed; that of the shipped model draws the photographs for calibration only."""
    return [(way, seed) for seed in SEEDS for way in WAYS]


def teacher_says(faces: data.ImageSet, folder: Path) -> torch.Tensor:
    """The teacher's embeddings of the photographs, those of ``shipped_tried`` where it has been run."""
    cache = folder / "teacher.safetensors"
    cache.parent.mkdir(parents=True, exist_ok=True)
    known = sorted((data_folder() / "runs" / "shipped_tried").glob(f"copies 0,*/{cache.name}"))
    if known and not cache.exists():
        shutil.copyfile(known[0], cache)
    teacher = load_teacher(threads=torch.get_num_threads())
    return torch.from_numpy(training.teacher_embeddings(teacher, faces, cache, flip=False))


def tuned(
    network: nn.Module, faces: data.ImageSet, taught: torch.Tensor, place: Path, *, quantize: bool | None, seed: int
) -> nn.Module:
    """The network after some more steps towards the teacher, each on photographs of its own; None takes none."""
    if quantize is None:
        return network
    chosen = drawn(faces, STEPS * BATCH, seed)
    pictures = data.ImageSet(faces.images[chosen], chosen, tuple(map(str, range(len(faces)))), faces.source)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY, fused=True)
    one_cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=len(training.Batches(pictures, BATCH)), pct_start=WARM_UP
    )
    options = {"optimizer": optimizer, "schedule": one_cycle, "epochs": 1, "batch_size": BATCH, "seed": seed}
    options |= {"augment": data.RandomFlip(), "checkpoint": place / "run.ckpt", "checkpoint_every": 20}
    criterion = losses.CosineDistillation(taught)
    training.fit(network, criterion, pictures, precision="32-true", quantize=quantize, **options)
    return network


def measured(
    network: nn.Module,
    calibration: np.ndarray,
    place: Path,
    crops: torch.Tensor,
    pairs: Mapping[str, data.Pairs],
) -> Iterator[dict[str, Any]]:
    """A row for 32 bits, and one for each way to make 8 of them after training."""
    fp32 = export.to_onnx(network.eval(), place / "fp32.onnx")
    exact = export.Runtime(fp32).embed(crops)
    yield {"bits": "32", "cosine": 1.0, **accuracy(exact, pairs)}
    for name, scheme in SCHEMES.items():
        rounded = export.Runtime(export.quantize(fp32, calibration, place / f"{name}.onnx", scheme=scheme)).embed(crops)
        rows = np.arange(len(crops))
        alike = evaluation.cosine_scores(np.concatenate([exact, rounded]), rows, len(crops) + rows)
        yield {"bits": f"8, {name}", "cosine": round(float(alike.mean()), 5), **accuracy(rounded, pairs)}


def accuracy(embeddings: np.ndarray, pairs: Mapping[str, data.Pairs]) -> dict[str, Any]:
    """View 1's figures but the threshold, which is infinite where the embeddings tell nobody apart."""
    return {name: figure for name, figure in result(embeddings, pairs).items() if name != "threshold"}


def drawn(faces: data.ImageSet, n: int, seed: int) -> torch.Tensor:
    """Indices (n,) of photographs, by chance."""
    return torch.randperm(len(faces), generator=torch.Generator().manual_seed(seed))[:n]


def compare(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the seeds with 95 % intervals (t): accuracy, points lost to one's own 32 bits, cosine to them."""
    of = {(run["way"], run["bits"], run["seed"]): run for run in runs}
    seeds = sorted({run["seed"] for run in runs})

    def over_seeds(way: str, bits: str, figure: str, scale: float = 1.0) -> list[float]:
        return [scale * of[way, bits, seed][figure] for seed in seeds]

    rows = []
    for way, bits in dict.fromkeys((run["way"], run["bits"]) for run in runs):
        percent = over_seeds(way, bits, "accuracy", 100)
        number, *scheme = bits.split(", ")
        title = ", ".join([way, f"{number} bits", *scheme])
        rows.append(estimate(title, evaluation.mean_interval(percent), "%"))
        if bits != "32":
            lost = evaluation.paired_difference(over_seeds(way, "32", "accuracy", 100), percent)
            rows.append(estimate("  points lost to its 32 bits", lost, "points"))
            cosines = over_seeds(way, bits, "cosine")
            rows.append(estimate("  cosine to its 32 bits", evaluation.mean_interval(cosines), ""))
    for name in SCHEMES:
        gained = evaluation.paired_difference(
            *(over_seeds(way, f"8, {name}", "accuracy", 100) for way in (IN_8_BITS, IN_FLOAT))
        )
        rows.append(estimate(f"8 bits, {name}: tuned in 8 bits - in float", gained, "points"))
    return rows
