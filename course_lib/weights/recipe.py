"""The recipe of the model that the course ships: a slim student of a strong teacher."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib import backbones
from course_lib.backbones.narrowing import narrow
from course_lib.data import Compose, ImageSet, RandomBlend, RandomFlip, RandomLight, RandomWarp, normalise
from course_lib.losses import CosineDistillation
from course_lib.training import Batches, History, fit, load_weights, save_weights, teacher_embeddings, views
from course_lib.weights.teacher import Teacher

# What the student sees beside the photographs themselves. A blend of two people is a third, whom nobody photographed.
AUGMENT = Compose((RandomBlend(0.5), RandomWarp(degrees=8, scale=0.08), RandomLight(0.25, 0.25)))


@dataclass(frozen=True)
class Recipe:
    """All numbers of the training.

    Attributes:
        network, width: of the student.
        copies: augmented versions of each photograph, beside itself.
        fitted: photographs that the student's start is fitted on, see ``narrow``; 0 starts from random weights.
        epochs, batch_size, rate, weight_decay, warm_up: of AdamW and its one cycle; ``warm_up`` is a share of it.
        seed: of everything that is drawn.
    """

    network: str = "mobilefacenet_relu"
    width: float = 0.75
    copies: int = 3
    fitted: int = 768
    epochs: int = 3
    batch_size: int = 128
    rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    seed: int = 0

    def student(self, teacher_dim: int) -> nn.Module:
        """The untrained network."""
        return backbones.create(self.network, width=self.width, embedding_dim=teacher_dim, seed=self.seed)


def distil(
    faces: ImageSet, teacher: Teacher, folder: Path | str, recipe: Recipe | None = None, **options: Any
) -> tuple[nn.Module, History]:
    """Train the student; what was killed goes on where it stopped, from the files in ``folder``.

    Args:
        faces: aligned RGB faces, 112x112; who is on them is not asked for.
        teacher: what ``load_teacher`` gives.
        folder: for the teacher's embeddings, the student's start and the checkpoint. It holds a few MB per 10,000
            faces, and no photograph.
        recipe: the shipped model's by default.
        **options: of ``fit``, such as ``precision`` and ``evaluate``.

    Returns:
        The student in evaluation mode, and the history.

    Raises ``ValueError`` where the folder is of another run.
    """
    recipe, folder = recipe or Recipe(), Path(folder)
    pictures = views(faces, AUGMENT, recipe.copies, seed=recipe.seed)
    taught = torch.from_numpy(teacher_embeddings(teacher, pictures, folder / "teacher.safetensors", flip=False))
    student = recipe.student(taught.shape[1])
    if recipe.fitted:
        _start(student, teacher, pictures, taught, folder / "start.safetensors", recipe)
    criterion = CosineDistillation(taught)
    optimizer = torch.optim.AdamW(student.parameters(), recipe.rate, weight_decay=recipe.weight_decay, fused=True)
    steps = recipe.epochs * len(Batches(pictures, recipe.batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps, pct_start=recipe.warm_up)
    history = fit(
        student,
        criterion,
        pictures,
        optimizer=optimizer,
        schedule=schedule,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        augment=RandomFlip(),  # the teacher sums both mirror images, so it says the same of either
        checkpoint=folder / "run.ckpt",
        checkpoint_every=50,
        seed=recipe.seed,
        **options,
    )
    return student, history


def _start(
    student: nn.Module, teacher: Teacher, pictures: ImageSet, taught: torch.Tensor, file: Path, recipe: Recipe
) -> None:
    """Begin from the teacher's own layers, narrowed."""
    if file.exists():
        load_weights(student, file)
        return
    some = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(recipe.seed))[: recipe.fitted]
    narrow(teacher.upright(), student, normalise(pictures.images[some]), taught[some])
    save_weights(student, file)


def described(recipe: Recipe) -> dict[str, Any]:
    """The recipe in plain values, for a record and the model card."""
    return {**asdict(recipe), "augmentation": repr(AUGMENT)}
