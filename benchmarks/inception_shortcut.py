"""What the shortcut of an Inception-ResNet block is worth on ORL, by the number of blocks; its scale and its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import data, evaluation, losses, training
from course_lib.backbones import inception_resnet_v1 as published

NAME = "inception_shortcut"
SEEDS = tuple(range(6))
SIZE, DIM, WIDTH, BATCH, EPOCHS, DECAY = (56, 46), 64, 32, 50, 10, 5e-4
TEST_PEOPLE, PAIRS = 10, 800


@dataclass(frozen=True)
class Setup:
    """A network: so many blocks at each of two sizes of the map, and what each does with its input."""

    blocks: int
    shortcut: bool
    scale: float = 1.0
    batch_norm: bool = False  # behind the join
    rate: float = 0.1

    @property
    def title(self) -> str:
        """The words by which tables and figures call it."""
        words = "shortcut" if self.shortcut else "no shortcut"
        words += f", scale {self.scale:g}" if self.scale != 1 else ""
        words += ", batch norm" if self.batch_norm else ""
        return words + (f", rate {self.rate:g}" if self.rate != 0.1 else "")


SETUPS = (
    *(Setup(blocks, shortcut) for blocks in (1, 3, 5) for shortcut in (True, False)),
    Setup(5, True, scale=0.17),
    Setup(5, False, batch_norm=True),
    Setup(5, False, rate=0.01),
)


class Block(published._Residual):
    """Inception-ResNet's block, which may leave its input out of the sum, or normalise what the branches give."""

    def __init__(self, channels: int, branches: tuple, setup: Setup) -> None:
        super().__init__(channels, branches, setup.scale)
        self.shortcut = setup.shortcut
        self.norm = nn.BatchNorm2d(channels) if setup.batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out = self.scale * self.norm(self.join(torch.cat([branch(x) for branch in self.branches], 1)))
        return self.activation(x + out if self.shortcut else out)


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, SETUPS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], setups: Sequence[Setup], epochs: int) -> dict[str, Any]:
    """One entry per seed and setup; a seed fixes people, pairs, first weights and order."""
    settings = {"size": list(SIZE), "width": WIDTH, "embedding_dim": DIM, "batch": BATCH, "epochs": epochs}
    settings |= {"weight_decay": DECAY, "unseen_people": TEST_PEOPLE, "pairs": PAIRS}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(Setup(**run["setup"]), run["seed"]) for run in runs}
    wanted = [(setup, seed) for seed in seeds for setup in setups]
    faces = data.orl_faces().resized(*SIZE)
    for setup, seed in tqdm([one for one in wanted if one not in done], unit="run", disable=None):
        runs.append({"setup": asdict(setup), "title": setup.title, "seed": seed, **one_run(faces, setup, seed, epochs)})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def network(setup: Setup, seed: int) -> nn.Module:
    """Blocks 35 and 17 with few channels, at 12x10 and 5x4 positions: the network of notebook 04e."""
    first, second = (narrowed(rows, WIDTH / c) for rows, c in ((published.BLOCK_35, 256), (published.BLOCK_17, 512)))
    conv = published._conv
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            conv(1, WIDTH // 2, 3, 2, 0),
            conv(WIDTH // 2, WIDTH, 3, 2, 0),
            *(Block(WIDTH, first, setup) for _ in range(setup.blocks)),
            conv(WIDTH, 2 * WIDTH, 3, 2, 0),
            *(Block(2 * WIDTH, second, setup) for _ in range(setup.blocks)),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(2 * WIDTH, DIM),
            nn.BatchNorm1d(DIM, eps=1e-3),
        )


def narrowed(branches: tuple, factor: float) -> tuple:
    """The same branches with fewer channels."""
    return tuple(tuple((int(channels * factor), kernel) for channels, kernel in rows) for rows in branches)


def one_run(faces: data.ImageSet, setup: Setup, seed: int, epochs: int) -> dict[str, Any]:
    """The share of the training photographs named in each epoch, and the accuracy on pairs of strangers."""
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    net, criterion = network(setup, seed), losses.Softmax(DIM, people.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=setup.rate, momentum=0.9, weight_decay=DECAY)
    steps = epochs * -(-len(people) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, setup.rate, total_steps=steps)
    recipe = {"epochs": epochs, "batch_size": BATCH, "seed": seed, "precision": "32-true", "schedule": schedule}
    recipe |= {"augment": data.Compose((data.RandomFlip(), data.RandomShift(3)))}
    history = training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)
    scores = evaluation.cosine_scores(training.embed(net, others, flip=True), pairs.left, pairs.right)
    accuracy = evaluation.kfold_accuracy(scores, pairs.same).mean
    return {"named": [round(share, 4) for share in history["accuracy"]], "accuracy": round(float(accuracy), 5)}


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each setup minus the one with shortcut and scale 1 of as many blocks, seed by seed, in points."""
    of: dict[Setup, dict[int, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(Setup(**run["setup"]), {})[run["seed"]] = run
    rows = []
    for setup, found in of.items():
        rival = of.get(Setup(setup.blocks, True), {})
        seeds = sorted(found.keys() & rival.keys())
        if len(seeds) < 2 or setup == Setup(setup.blocks, True):
            continue
        for name, value in (("named", lambda run: run["named"][-1]), ("strangers", lambda run: run["accuracy"])):
            ours, theirs = ([100 * value(group[seed]) for seed in seeds] for group in (found, rival))
            title = f"{setup.blocks} blocks, {name}: {setup.title} - shortcut"
            rows.append(estimate(title, evaluation.paired_difference(ours, theirs), "points"))
    return rows
