"""Width against bits at equal bytes: narrow students in 32 bits beside wide ones in 8, on LFW's View 1."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.losses_on_faces import faces_folder
from benchmarks.record import recorded_runs, write_record
from benchmarks.shipped_tried import LOOKS, PRECISION
from benchmarks.view1 import drawn, verified, verified_int8, view1
from course_lib import data, evaluation, export, training
from course_lib.paths import data_folder
from course_lib.weights.recipe import Recipe, distil
from course_lib.weights.teacher import Teacher, load_teacher

NAME = "width_bits"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
RELU, PRELU = "mobilefacenet_relu", "mobilefacenet"
WIDE, MIDDLE, NARROW = 0.75, 0.5, 0.27  # narrow in 32 bits takes 3 % more bytes than wide in 8
NETWORKS = ((RELU, WIDE), (RELU, NARROW), (PRELU, WIDE), (RELU, MIDDLE))
SEEDS = (0, 1, 2)
CALIBRATION = 64  # photographs
TAUGHT = "teacher.safetensors"
BITS = ("fp32", "int8")
File = tuple[str, float, str]  # network, width, bits
PAIRS_OF_FILES: tuple[tuple[File, File], ...] = (
    ((RELU, WIDE, "int8"), (RELU, NARROW, "fp32")),  # nearly equal bytes
    ((RELU, MIDDLE, "int8"), (RELU, NARROW, "fp32")),  # and fewer of them
    *(((*network, "int8"), (*network, "fp32")) for network in NETWORKS),
    *(((PRELU, WIDE, bits), (RELU, WIDE, bits)) for bits in BITS),
)
# Of a file: what the table calls it, its unit, and the factor to that unit.
FIGURES = {
    "bytes": ("size", "MB", 1e-6),
    "accuracy": ("accuracy", "%", 100),
    "accuracy_kept": ("accuracy with fp32's threshold", "%", 100),
    "auc": ("area under the ROC curve", "%", 100),
    "cosine": ("cosine to fp32", "", 1),
}


def main() -> dict[str, Any]:
    """Train and measure what the record does not hold yet; a run that was killed goes on.

    The students learn, and 8 bits are calibrated, on the photographs of ``COURSE_FACES``. They are no photographs of
    LFW, but of CelebA and VGGFace2, and of nobody who is in LFW: whom a strong model had matched to a person there was
    taken out of the folder, as the shipped model's card says. Who gives another folder has to see to that.
    """
    faces = data.face_folder(faces_folder(), size=(112, 112), source="COURSE_FACES")
    settings = {"photographs": len(faces), "people": faces.n_classes, "looks": LOOKS, "precision": PRECISION}
    settings |= {"calibration": CALIBRATION}
    runs = recorded_runs(NAME, settings)
    done = {(run["network"], run["width"], run["seed"]) for run in runs}
    missing = [recipe for recipe in plan() if (recipe.network, recipe.width, recipe.seed) not in done]
    if missing:
        teacher, folder, (crops, pairs) = load_teacher(), data_folder() / "runs" / NAME, view1()
        for recipe in tqdm(missing, unit="run", disable=None):
            calibration = drawn(faces.images, CALIBRATION, recipe.seed)
            student = trained(faces, teacher, folder, recipe)
            found = measure(student, folder / place(recipe), calibration, crops, pairs)
            runs.append({"network": recipe.network, "width": recipe.width, "seed": recipe.seed, **found})
            write_record(NAME, COMMAND, list(SEEDS), {"settings": settings, "runs": runs})
    figures = {"settings": settings, "runs": runs, "comparisons": compare(runs)}
    write_record(NAME, COMMAND, list(SEEDS), figures)
    return figures


def plan() -> list[Recipe]:
    """Every network with the first seed, then with the next: a start of the teacher's layers, no copies, two looks."""
    return [Recipe(network, width, copies=0, epochs=LOOKS, seed=seed) for seed in SEEDS for network, width in NETWORKS]


def place(recipe: Recipe) -> str:
    """The folder that a run keeps its files in."""
    return f"{recipe.network}, width {recipe.width:g}, seed {recipe.seed}"


def trained(faces: data.ImageSet, teacher: Teacher, folder: Path, recipe: Recipe) -> nn.Module:
    """The recipe's student, also kept as ``student.safetensors``. The teacher is asked once for all of them."""
    here = folder / place(recipe)
    here.mkdir(parents=True, exist_ok=True)
    known = sorted(folder.glob(f"*/{TAUGHT}"))
    if known and not (here / TAUGHT).exists():
        shutil.copyfile(known[0], here / TAUGHT)
    student, _ = distil(faces, teacher, here, recipe, precision=PRECISION)
    training.save_weights(student, here / "student.safetensors")
    return student


def measure(
    student: nn.Module, folder: Path, calibration: np.ndarray, crops: torch.Tensor, pairs: Mapping[str, data.Pairs]
) -> dict[str, Any]:
    """Both files of one student, as ONNX Runtime runs them."""
    fp32 = export.to_onnx(student, folder / "student.onnx")
    int8 = export.quantize(fp32, calibration, folder / "student.int8.onnx")
    by_32, by_8 = (export.Runtime(file).embed(crops) for file in (fp32, int8))
    wide = verified(by_32, pairs)
    return {
        "parameters": sum(parameter.numel() for parameter in student.parameters()),
        "fp32": {"bytes": fp32.stat().st_size, **wide},
        "int8": {"bytes": int8.stat().st_size, **verified_int8(by_8, by_32, wide["threshold"], pairs)},
    }


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each file over its seeds in five figures, then paired differences in accuracy; all with 95 % intervals.

    What has been run with one seed only has no interval, and no line.
    """
    of: dict[File, dict[int, dict[str, Any]]] = {}
    for run in runs:
        for bits in BITS:
            of.setdefault((run["network"], run["width"], bits), {})[run["seed"]] = run[bits]
    rows = []
    for figure, (name, unit, times) in FIGURES.items():
        for file, seeds in of.items():
            values = [times * found[figure] for found in seeds.values() if figure in found]
            if len(values) > 1:
                rows.append(estimate(f"{name}; {title(file)}", evaluation.mean_interval(values), unit))
    for one, other in PAIRS_OF_FILES:
        both = [seed for seed in SEEDS if seed in of.get(one, ()) and seed in of.get(other, ())]
        if len(both) > 1:
            ours, theirs = ([100 * of[file][seed]["accuracy"] for seed in both] for file in (one, other))
            name = f"accuracy; {title(one)} - {title(other)}"
            rows.append(estimate(name, evaluation.paired_difference(ours, theirs), "points"))
    return rows


def title(file: File) -> str:
    """As it stands in the table."""
    network, width, bits = file
    return f"{network}, width {width:g}, {bits}"
