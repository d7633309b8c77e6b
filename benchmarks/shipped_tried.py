"""What the shipped model owes to what: names or a teacher, its first weights, the versions of each photograph."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.alignment_accuracy import by_landmarks, central_faces, cut_all, result
from benchmarks.comparison import Comparison
from benchmarks.losses_on_faces import faces_folder
from benchmarks.record import recorded_runs, write_record
from course_lib import data, losses, training
from course_lib.alignment import RetinaFace
from course_lib.paths import data_folder
from course_lib.training import embed
from course_lib.weights.recipe import Recipe, distil
from course_lib.weights.teacher import Teacher, load_teacher

NAME = "shipped_tried"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
PRECISION = "bf16-mixed"
DIM = 192
LOOKS = 2  # at each photograph, or at versions of it: the same number of steps for all
RANDOM, NARROWED = Recipe(copies=0, epochs=LOOKS, fitted=0), Recipe(copies=0, epochs=LOOKS)
DISTILLED = {
    "teacher, random weights": RANDOM,
    "teacher, narrowed": NARROWED,
    "teacher, narrowed, a version of each photograph": Recipe(copies=LOOKS - 1, epochs=1),
}
NAMES, UNTRAINED = "names, random weights", "narrowed, no step"


def main() -> dict[str, Any]:
    """Train what the record does not hold yet, and take each to LFW's View 1; a run that was killed goes on."""
    faces, pairs = data.face_folder(faces_folder(), size=(112, 112), source="COURSE_FACES"), {}
    runs_folder = data_folder() / "runs" / NAME
    settings = {"photographs": len(faces), "people": faces.n_classes, "looks": LOOKS, "precision": PRECISION}
    runs = recorded_runs(NAME, settings)
    missing = {name: train for name, train in ways(faces, runs_folder).items() if name not in {r["way"] for r in runs}}
    crops, pairs = view1() if missing else (None, {})
    for name, train in tqdm(missing.items(), unit="run", disable=None):
        runs.append({"way": name, **result(embed(train(), crops), pairs)})
        write_record(NAME, COMMAND, 0, {"settings": settings, "runs": runs})
    figures = {"settings": settings, "runs": runs, "comparisons": compare(runs)}
    write_record(NAME, COMMAND, 0, figures)
    return figures


def ways(faces: data.ImageSet, folder: Path) -> Mapping[str, Callable[[], nn.Module]]:
    """Each from nothing to a trained network; ``UNTRAINED`` is what the narrowed one began with."""
    teacher = load_teacher(threads=torch.get_num_threads())
    found: dict[str, Callable[[], nn.Module]] = {NAMES: lambda: by_names(faces, folder / "names", RANDOM)}
    for name, recipe in DISTILLED.items():
        found[name] = lambda recipe=recipe: by_teacher(faces, teacher, folder, recipe)
        if recipe == NARROWED:
            found[UNTRAINED] = lambda: first_weights(place(folder, NARROWED) / "start.safetensors")
    return found


def place(folder: Path, recipe: Recipe) -> Path:
    """Where a run keeps its files."""
    return folder / f"copies {recipe.copies}, fitted {recipe.fitted}"


def by_teacher(faces: data.ImageSet, teacher: Teacher, folder: Path, recipe: Recipe) -> nn.Module:
    """The recipe's student. What the teacher says of the photographs is asked once for all runs that show the same."""
    here, cache = place(folder, recipe), "teacher.safetensors"
    here.mkdir(parents=True, exist_ok=True)
    known = sorted(folder.glob(f"copies {recipe.copies},*/{cache}"))
    if known and not (here / cache).exists():
        shutil.copyfile(known[0], here / cache)
    return distil(faces, teacher, here, recipe, precision=PRECISION)[0]


def by_names(faces: data.ImageSet, folder: Path, recipe: Recipe) -> nn.Module:
    """The same network and steps, told who is on each photograph and nothing else."""
    student, criterion = recipe.student(DIM), losses.Softmax(DIM, faces.n_classes, seed=recipe.seed)
    learned = [*student.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(learned, recipe.rate, weight_decay=recipe.weight_decay, fused=True)
    steps = recipe.epochs * len(training.Batches(faces, recipe.batch_size))
    one_cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps, pct_start=recipe.warm_up)
    options = {"schedule": one_cycle, "epochs": recipe.epochs, "batch_size": recipe.batch_size, "seed": recipe.seed}
    options |= {"augment": data.RandomFlip(), "checkpoint": folder / "run.ckpt", "checkpoint_every": 50}
    folder.mkdir(parents=True, exist_ok=True)
    training.fit(student, criterion, faces, optimizer=optimizer, precision=PRECISION, **options)
    return student


def first_weights(file: Path) -> nn.Module:
    """A student that was fitted to its teacher, and not trained."""
    student = NARROWED.student(DIM)
    training.load_weights(student, file)
    return student


def view1() -> tuple[torch.Tensor, dict[str, data.Pairs]]:
    """Aligned crops of View 1's photographs, uint8 (N, 3, 112, 112), and its two lists of pairs."""
    photographs = data.lfw(crop=None, size=(250, 250)).images.permute(0, 2, 3, 1).contiguous().numpy()
    crops = cut_all(photographs, central_faces(photographs, RetinaFace()), by_landmarks)
    return torch.from_numpy(crops).permute(0, 3, 1, 2), {v: data.lfw_pairs(view=v) for v in ("dev_train", "dev_test")}


def compare(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accuracy in per cent, with Wilson's 95 % interval; one seed."""
    rows = ((run["way"], 100 * run["accuracy"], *(100 * end for end in run["interval"])) for run in runs)
    return [Comparison(*row, unit="%").plain() for row in rows]
