"""Students of a quarter and a twelfth of their teacher's size on ORL: alone, distilled, and by one who knows more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import alignment, backbones, cost, data, evaluation, losses, training, weights
from course_lib.backbones.narrowing import narrow

NAME = "distillation_orl"
SEEDS = (0, 1, 2, 3, 4)
SIZE, DIM, BATCH = (40, 32), 64, 50
WIDTHS = (0.42, 0.15)  # of the students: a quarter of the teacher's bytes, and a twelfth
EPOCHS, TEACHER_EPOCHS, RATE, DECAY, SHIFT = 24, 24, 2e-3, 0.05, 2
COPIES = 3  # blends of each photograph beside itself: such a student sees each a quarter as often
TEST_PEOPLE, PAIRS = 10, 800
TEACHERS_SEED = 1000  # more than a student's: two classifiers that start alike lead two networks to one space
TEACHER, ALONE = "teacher", "student alone"
SHIPPED = "mobilefacenet_075_relu"  # a teacher who knows more: it was trained on other people, and many
OUTSIDER = "the shipped model"
Run = tuple[str, float]  # name, width


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, plan(WIDTHS), EPOCHS, TEACHER_EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def plan(widths: Sequence[float]) -> list[Run]:
    """The teachers, and every student in every width."""
    return [(TEACHER, 1.0), (OUTSIDER, 1.0), *((name, width) for width in widths for name in STUDENTS)]


def sweep(seeds: Sequence[int], wanted: Sequence[Run], epochs: int, teacher_epochs: int) -> dict[str, Any]:
    """All of them once a seed; a seed fixes people, pairs, first weights and order."""
    settings = {"size": list(SIZE), "embedding_dim": DIM, "batch": BATCH, "rate": RATE, "weight_decay": DECAY}
    settings |= {"shift": SHIFT, "epochs": epochs, "teacher_epochs": teacher_epochs, "copies": COPIES}
    settings |= {"unseen_people": TEST_PEOPLE, "pairs": PAIRS}
    runs = recorded_runs(NAME, settings)
    networks = [{"width": width, **counted(width)} for width in dict.fromkeys(width for _, width in wanted)]
    figures = {"settings": settings, "networks": networks, "runs": runs}
    done = {(run["name"], run["width"], run["seed"]) for run in runs}
    missing = {seed: [run for run in wanted if (*run, seed) not in done] for seed in seeds}
    with tqdm(total=sum(map(len, missing.values())), unit="run", disable=None) as progress:
        for seed in filter(missing.get, seeds):
            lesson = prepare(seed, teacher_epochs)  # where a record goes on: the same teacher again, to the bit
            for name, width in missing[seed]:
                own = lesson.others_by.get(name)
                if own is None:
                    own = training.embed(train_student(name, width, lesson, seed, epochs), lesson.others, flip=True)
                taught_by = lesson.others_by[OUTSIDER if name in (OUTSIDER, BY_OUTSIDER) else TEACHER]
                found = verified(own, taught_by, lesson.others.labels, seed)
                runs.append({"name": name, "width": width, "seed": seed, **found})
                write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
                progress.update()
    return figures


def counted(width: float) -> dict[str, int]:
    """What a network of that width costs."""
    found = cost.count(create(width, seed=0), SIZE, in_channels=1)
    return {"parameters": found.parameters, "macs": found.macs.conv_linear, "fp32_bytes": found.fp32_bytes}


def create(width: float, seed: int) -> nn.Module:
    """MobileFaceNet for small grey photographs."""
    options = {"width": width, "embedding_dim": DIM, "input_size": SIZE, "in_channels": 1}
    return backbones.create("mobilefacenet", **options, seed=seed)


@dataclass(frozen=True)
class Lesson:
    """What all students of one seed have in common.

    Attributes:
        people, others: photographs to learn from, and those of people whom neither teacher nor student has seen.
        teacher, classifier: trained on ``people`` with softmax.
        embeddings, logits: what they make of ``people``, mean over photograph and mirror image.
        outsiders: embeddings of ``people`` by the shipped model.
        others_by: embeddings of ``others``, by the teacher's name.
    """

    people: data.ImageSet
    others: data.ImageSet
    teacher: nn.Module
    classifier: losses.Softmax
    embeddings: torch.Tensor
    logits: torch.Tensor
    outsiders: torch.Tensor
    others_by: dict[str, np.ndarray]


def prepare(seed: int, epochs: int) -> Lesson:
    """Put people aside, and train the teacher on the rest."""
    people, others = data.split_by_identity(data.orl_faces().resized(*SIZE), n_test=TEST_PEOPLE, seed=seed)
    first = TEACHERS_SEED + seed
    teacher, classifier = create(1.0, first), losses.Softmax(DIM, people.n_classes, seed=first)
    train(teacher, classifier, people, epochs, seed)
    embeddings = taught(teacher, people)
    with torch.no_grad():
        logits = classifier(embeddings, people.labels).logits
    outsiders, of_others = by_outsider(people, others)
    others_by = {TEACHER: training.embed(teacher, others, flip=True), OUTSIDER: of_others.numpy()}
    return Lesson(people, others, teacher.eval(), classifier, embeddings, logits, outsiders, others_by)


def by_outsider(*parts: data.ImageSet) -> list[torch.Tensor]:
    """The shipped model's embeddings of each part of ORL, in the ``DIM`` directions that hold most of the first."""
    faces, embeddings = data.orl_faces(), shipped_embeddings()
    known = [torch.tensor([name in part.names for name in faces.names])[faces.labels] for part in parts]
    _, _, directions = torch.linalg.svd(embeddings[known[0]], full_matrices=False)
    return [embeddings[rows] @ directions[:DIM].T for rows in known]


@cache
def shipped_embeddings() -> torch.Tensor:
    """(N, D): of ORL, from aligned crops of its photographs at twice their size, on a border that shows whole heads."""
    faces = data.orl_faces()
    photographs = [np.pad(image[0].numpy(), 20, mode="edge").repeat(2, 0).repeat(2, 1) for image in faces.images]
    crops = alignment.align_many(photographs, alignment.MTCNN(min_face=60))
    missing = [number for number, crop in enumerate(crops) if not crop]
    if missing:
        raise RuntimeError(f"no face was found in {len(missing)} of ORL's photographs, number {missing[0]} among them")
    images = torch.stack([torch.from_numpy(crop.image).permute(2, 0, 1) for crop in crops])
    return torch.from_numpy(training.embed(weights.load(SHIPPED), images, flip=True))


def taught(teacher: nn.Module, images: data.ImageSet) -> torch.Tensor:
    """(N, D): the mean of the teacher's embeddings of each image and its mirror image."""
    return torch.from_numpy(training.teacher_embeddings(teacher, images, flip=True)) / 2


def train(network: nn.Module, criterion: nn.Module, images: data.ImageSet, epochs: int, seed: int) -> None:
    """The one recipe of teacher and students; AdamW's steps do not depend on the scale of a criterion."""
    learned = [*network.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(learned, RATE, weight_decay=DECAY)
    steps = epochs * len(training.Batches(images, BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(SHIFT)))
    recipe = {"schedule": schedule, "epochs": epochs, "batch_size": BATCH, "augment": augment, "seed": seed}
    training.fit(network, criterion, images, optimizer=optimizer, precision="32-true", **recipe)


def train_student(name: str, width: float, lesson: Lesson, seed: int, epochs: int) -> nn.Module:
    """A student of that name; all take the same number of steps."""
    setup, student = STUDENTS[name], create(width, seed)
    if setup.narrowed:
        narrow(lesson.teacher, student, data.normalise(lesson.people.images), lesson.embeddings)
    if setup.criterion is not None:
        images = setup.images(lesson, seed)
        rounds = epochs * len(lesson.people) // len(images)
        train(student, setup.criterion(lesson, images, seed), images, rounds, seed)
    return student


@dataclass(frozen=True)
class Student:
    """How one student learns.

    Attributes:
        criterion: from the lesson, the images that it is shown, and the seed; None does not train.
        images: what it is shown.
        narrowed: whether it starts from the teacher's layers, fitted by least squares.
    """

    criterion: Callable[[Lesson, data.ImageSet, int], nn.Module] | None
    images: Callable[[Lesson, int], data.ImageSet] = lambda lesson, _: lesson.people.numbered()
    narrowed: bool = False


def blends(lesson: Lesson, seed: int) -> data.ImageSet:
    """Each photograph, and blends of it with others."""
    return training.views(lesson.people, data.RandomBlend(1.0), COPIES, seed=seed)


def softmax(lesson: Lesson, _: data.ImageSet, seed: int) -> nn.Module:
    """A classifier of the people."""
    return losses.Softmax(DIM, lesson.people.n_classes, seed=seed)


def cosine(lesson: Lesson, images: data.ImageSet, _: int) -> nn.Module:
    """The directions that the teacher gives these images."""
    return losses.CosineDistillation(taught(lesson.teacher, images))


def relational(lesson: Lesson, *_: Any) -> nn.Module:
    """Relations alone, with the paper's weights."""
    return losses.RelationalDistillation(lesson.embeddings)


# Each by the name that stands in the record and in the figure.
BY_OUTSIDER = "cosine to the shipped model"
STUDENTS = {
    ALONE: Student(softmax, images=lambda lesson, _: lesson.people),
    "Hinton's soft targets": Student(lambda x, y, s: losses.HintonKD(softmax(x, y, s), x.logits, x.people.labels)),
    "squared distance": Student(lambda x, *_: losses.EmbeddingMSE(x.embeddings, normalised=False)),
    "cosine": Student(cosine),
    BY_OUTSIDER: Student(lambda lesson, *_: losses.CosineDistillation(lesson.outsiders)),
    "relations": Student(relational),
    "cosine + relations": Student(lambda *x: losses.WeightedSum((1.0, cosine(*x)), (0.05, relational(*x)))),
    "cosine, with blends": Student(cosine, images=blends),
    "narrowed, untrained": Student(None, narrowed=True),
    "narrowed, then cosine": Student(cosine, narrowed=True),
    "narrowed, then cosine with blends": Student(cosine, images=blends, narrowed=True),
}


def verified(own: np.ndarray, teachers: np.ndarray, labels: torch.Tensor, seed: int) -> dict[str, float]:
    """Right decisions about pairs of unseen people; also where the teacher embeds the second photograph of each pair.

    ``agreement`` is the correlation of the scores with the teacher's.
    """
    pairs = data.verification_pairs(labels, PAIRS, seed=seed)
    scores, expected = (evaluation.cosine_scores(embeddings, pairs.left, pairs.right) for embeddings in (own, teachers))
    mixed = evaluation.cosine_scores(np.concatenate([own, teachers]), pairs.left, pairs.right + len(own))
    return {
        "accuracy": round(float(evaluation.kfold_accuracy(scores, pairs.same).mean), 5),
        "with_teacher": round(float(evaluation.kfold_accuracy(mixed, pairs.same).mean), 5),
        "agreement": round(float(np.corrcoef(scores, expected)[0, 1]), 5),
    }


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per cent of right decisions over the seeds, then differences to the student alone of the same width."""
    of: dict[Run, dict[int, float]] = {}
    for run in runs:
        of.setdefault((run["name"], run["width"]), {})[run["seed"]] = 100 * run["accuracy"]
    rows = [estimate(title(one), evaluation.mean_interval(list(values.values())), "%") for one, values in of.items()]
    for alone in (one for one in of if one[0] == ALONE):
        for other in (one for one in of if one[0] != ALONE and one[1] in (alone[1], 1.0)):
            pairs = ([of[one][seed] for seed in sorted(of[alone])] for one in (other, alone))
            rows.append(estimate(f"{title(other)} - {title(alone)}", evaluation.paired_difference(*pairs), "points"))
    return rows


def title(run: Run) -> str:
    """As it stands in the table."""
    return f"{run[0]}, width {run[1]:g}"
